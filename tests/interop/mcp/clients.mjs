// The SDKs' own clients against Keywright. Each prints one line of JSON: what it saw.
//
//   KEY=kwm_... node clients.mjs v1|v2|v2-modern|v2-elicit URL
//   KEY=kwm_... node clients.mjs stdio|stdio-v2 PROGRAM KEYWRIGHT_URL
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as v2 from '@modelcontextprotocol/client';

const [which, where, more] = process.argv.slice(2);
const who = { name: 'keywright-interop', version: '1.0.0' };
const requestInit = { headers: { Authorization: `Bearer ${process.env.KEY}` } };

async function v2Stdio() {
  const module = await import('@modelcontextprotocol/client/stdio');
  return new module.StdioClientTransport(stdioServer());
}

function stdioServer() {
  return { command: where, args: ['mcp'], stderr: 'inherit',
           env: { KEYWRIGHT_API_KEY: process.env.KEY, KEYWRIGHT_URL: more } };
}

async function connected() {
  switch (which) {
    case 'v1': {
      const client = new Client(who);
      await client.connect(new StreamableHTTPClientTransport(new URL(where), { requestInit }));
      return client;
    }
    case 'stdio': {
      const client = new Client(who);
      await client.connect(new StdioClientTransport(stdioServer()));
      return client;
    }
    case 'stdio-v2': {
      const client = new v2.Client(who);
      await client.connect(await v2Stdio());
      return client;
    }
    default: {
      const modern = which !== 'v2';
      const elicits = which === 'v2-elicit';
      const client = new v2.Client(who, {
        capabilities: elicits ? { elicitation: { form: {} } } : {},
        ...(modern ? { versionNegotiation: { mode: 'auto' } } : {}),
      });
      if (elicits) {
        client.setRequestHandler('elicitation/create', async () => (
          { action: 'accept', content: { confirm: true } }));
      }
      await client.connect(new v2.StreamableHTTPClientTransport(new URL(where), { requestInit }));
      return client;
    }
  }
}

const client = await connected();
const { tools } = await client.listTools();
const whoami = await client.callTool({ name: 'whoami', arguments: {} });
const made = await client.callTool({
  name: 'create_target', arguments: { name: `by ${which}`, url: 'https://target.example.org/' } });
const listed = await client.callTool({ name: 'list_targets', arguments: { limit: 200 } });
const wrong = await client.callTool({ name: 'create_target', arguments: { name: '' } });
// The client checks every structured result against the tool's output schema.
const project = (await client.callTool({ name: 'create_project', arguments: { name: 'P' } }))
  .structuredContent;
const ids = { get_target: made.structuredContent.id, get_project: project.id,
              get_organization: whoami.structuredContent.organization_id };
const validated = [];
for (const tool of tools.filter((tool) => tool.annotations.readOnlyHint)) {
  const required = tool.inputSchema.required ?? [];
  if (required.includes('id') && !ids[tool.name]) continue;
  const input = {};
  if (required.includes('id')) input.id = ids[tool.name];
  if (required.includes('project_id')) input.project_id = project.id;
  const result = await client.callTool({ name: tool.name, arguments: input });
  if (!result.isError) validated.push(tool.name);
}
const remove = { name: 'delete_target', arguments: { id: made.structuredContent.id } };
const removed = await client.callTool(remove);
let unknown = null;
try {
  await client.callTool({ name: 'no_such_tool', arguments: {} });
} catch (error) {
  unknown = error.code;
}
console.log(JSON.stringify({
  server: client.getServerVersion()?.name,
  tools: tools.map((tool) => tool.name),
  kind: whoami.structuredContent.kind,
  listed: listed.structuredContent.items.some((item) => item.id === made.structuredContent.id),
  wrong: wrong.isError,
  removed: !removed.isError,
  validated,
  unknown,
}));
await client.close();
