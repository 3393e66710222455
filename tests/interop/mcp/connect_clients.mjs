// Clients as people have them, against a server behind /mcp-connect, with one key after the other.
// Prints one line of JSON for each: what the client saw, or the error that its person would read.
//
//   KEYS=ok1-...,ok1-... node connect_clients.mjs v1|v2|v2-auto|ai-sdk|mcp-remote URL TOOL ARGUMENTS \
//     HIDDEN
//
// HIDDEN is a tool that only the first key may call.
import { createMCPClient } from '@ai-sdk/mcp';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as v2 from '@modelcontextprotocol/client';

const [which, url, tool, given, hidden] = process.argv.slice(2);
const who = { name: 'keywright-interop', version: '1.0.0' };

// The AI SDK has its own words for the same.
async function aiSdk(headers) {
  const client = await createMCPClient({ transport: { type: 'http', url, headers } });
  const context = { toolCallId: 'one', messages: [] };
  return {
    listTools: () => client.listTools(),
    callTool: async ({ name, arguments: input }) => {
      const known = (await client.tools())[name];
      if (!known) throw Object.assign(new Error(`no tool ${name}`), { code: -32602 });
      return known.execute(input, context);
    },
    close: () => client.close(),
  };
}

async function connected(key) {
  const headers = { Authorization: `Bearer ${key}` };
  if (which === 'ai-sdk') return aiSdk(headers);
  if (which.startsWith('v2')) {
    const mode = which === 'v2-auto' ? { versionNegotiation: { mode: 'auto' } } : {};
    const client = new v2.Client(who, mode);
    await client.connect(
      new v2.StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
    return client;
  }
  const client = new Client(who);
  await client.connect(which === 'v1'
    ? new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
    : new StdioClientTransport({
      command: process.execPath,
      args: ['node_modules/mcp-remote/dist/proxy.js', url, '--allow-http', '--transport',
             'http-only', '--header', `Authorization:${headers.Authorization}`],
      stderr: 'inherit', env: { ...process.env } }), { timeout: 15000 });
  return client;
}

async function look(key, isFirst) {
  const seen = {};
  const client = await connected(key);
  seen.server = client.getServerVersion?.()?.name;
  seen.tools = (await client.listTools()).tools.map((one) => one.name);
  const answer = await client.callTool({ name: tool, arguments: JSON.parse(given) });
  seen.failed = answer.isError ?? false;
  seen.text = answer.content?.[0]?.text;
  if (!isFirst) {
    seen.hidden = await client.callTool({ name: hidden, arguments: {} })
      .then(() => 'it answered', (error) => error.code);
  }
  await client.close();
  return seen;
}

const keys = process.env.KEYS.split(',');
for (const key of keys) {
  const seen = await look(key, key === keys[0]).catch(
    (error) => ({ error: `${error.name} ${error.code ?? ''}: ${error.message}` }));
  console.log(JSON.stringify(seen));
}
process.exit(0);
