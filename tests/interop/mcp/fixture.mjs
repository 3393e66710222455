// An MCP server of both eras with everything that the conformance suite calls, as an upstream.
//
//   node fixture.mjs     prints the port it listens on; the server is at /mcp
//
// Requests of 2026-07-28 stand alone. Older ones have sessions, with streams that can be resumed.
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { NodeStreamableHTTPServerTransport, localhostHostValidation, localhostOriginValidation,
         toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server';
import { fixtureServer } from './fixture_features.mjs';

// Events of one session, by an id that names their stream.
class Events {
  constructor() {
    this.all = [];
  }

  async storeEvent(stream, message) {
    const id = `${stream}.${this.all.length}`;
    this.all.push({ id, stream, message });
    return id;
  }

  async getStreamIdForEventId(id) {
    return this.all.find((event) => event.id === id)?.stream;
  }

  async replayEventsAfter(id, { send }) {
    const first = this.all.findIndex((event) => event.id === id);
    const stream = this.all[first]?.stream ?? '';
    for (const event of this.all.slice(first + 1)) {
      if (event.stream === stream && Object.keys(event.message).length > 0) {
        await send(event.id, event.message);
      }
    }
    return stream;
  }
}

const modern = createMcpHandler(() => fixtureServer(modern.notify), { legacy: 'reject' });
const answerModern = toNodeHandler(modern);
const sessions = new Map();

function refuse(response, status, code, message) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message } }));
}

async function newSession() {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: new Events(),
    retryInterval: 100,
    onsessioninitialized: (id) => { sessions.set(id, transport); },
    onsessionclosed: (id) => { sessions.delete(id); },
  });
  await fixtureServer().connect(transport);
  return transport;
}

async function answerLegacy(request, response, body) {
  const id = request.headers['mcp-session-id'];
  if (id === undefined && body?.method !== 'initialize') {
    return refuse(response, 400, -32600, 'Begin with initialize.');
  }
  const transport = id === undefined ? await newSession() : sessions.get(id);
  if (!transport) return refuse(response, 404, -32001, 'There is no such session.');
  return transport.handleRequest(request, response, body);
}

async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return pieces.length === 0 ? undefined : JSON.parse(Buffer.concat(pieces).toString());
}

const hostIsLocal = localhostHostValidation();
const originIsLocal = localhostOriginValidation();
const server = http.createServer(async (request, response) => {
  try {
    if (!hostIsLocal(request, response) || !originIsLocal(request, response)) return;
    if (new URL(request.url, 'http://localhost').pathname !== '/mcp') {
      refuse(response, 404, -32600, 'The server is at /mcp.');
      return;
    }
    const body = await bodyOf(request);
    const isLegacy = await isLegacyRequest(await toWebRequest(request, body));
    await (isLegacy ? answerLegacy : answerModern)(request, response, body);
  } catch (error) {
    if (error instanceof SyntaxError) refuse(response, 400, -32700, 'The body is not JSON.');
    else response.destroy(error);
  }
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
