// What the conformance suite calls by name: tools, prompts and resources that exist to be tested.
// One description serves both eras; where an era has its own way to ask the client back, the
// client's capabilities decide.
import { setTimeout as pause } from 'node:timers/promises';
import {
  McpServer, ResourceTemplate, acceptedContent, completable, createRequestStateCodec, fromJsonSchema,
  inputRequired, inputResponse,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

// One pixel, and the shortest WAV there is: a header and one silent sample.
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5E' +
  'rkJggg==';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA==';
const IMAGE = { type: 'image', data: PNG, mimeType: 'image/png' };
// Keywords that a careless intermediary might drop.
const rich = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object',
                      properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' },
                contactMethod: { enum: ['phone', 'email'] }, phone: { type: 'string' },
                email: { type: 'string' } },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

const states = createRequestStateCodec({ key: 'a key of a test, and of no use elsewhere' });
const text = (words) => ({ content: [{ type: 'text', text: words }] });
const ask = (message, properties) => inputRequired.elicit({
  message, requestedSchema: { type: 'object', properties, required: Object.keys(properties) } });
const question = (words, maxTokens) => inputRequired.createMessage({
  messages: [{ role: 'user', content: { type: 'text', text: words } }], maxTokens });
const given = (context, name) => acceptedContent(context.mcpReq.inputResponses, name);
const answered = (context, name) => inputResponse(context.mcpReq.inputResponses, name);

function addPlainTools(server) {
  const tool = (name, description, work) => server.registerTool(name, { description }, work);
  tool('test_simple_text', 'One sentence.',
       async () => text('This is a simple text response for testing.'));
  tool('test_image_content', 'One pixel.', async () => ({ content: [IMAGE] }));
  tool('test_audio_content', 'One sample.',
       async () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }));
  tool('test_embedded_resource', 'A resource inside the result.', async () => ({
    content: [{ type: 'resource', resource: {
      uri: 'test://embedded-resource', mimeType: 'text/plain',
      text: 'This is an embedded resource content.' } }] }));
  tool('test_multiple_content_types', 'Text, an image and a resource.', async () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' }, IMAGE,
      { type: 'resource', resource: {
        uri: 'test://mixed-content-resource', mimeType: 'application/json',
        text: '{"test":"data","value":123}' } }] }));
  tool('test_error_handling', 'Always fails.', async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  server.registerTool(
    'test_header_parameter',
    { description: 'Takes a region that is repeated in a header field.',
      inputSchema: fromJsonSchema({ type: 'object', required: ['region'], properties: {
        region: { type: 'string', 'x-mcp-header': 'Region' } } }) },
    async ({ region }) => text(`Region: ${region}`));
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Its schema uses what is new in 2020-12.', inputSchema: fromJsonSchema(rich) },
    async ({ name }) => text(`Name: ${name}`));
}

function addToolsThatTell(server, notify) {
  const tool = (name, description, work) => server.registerTool(name, { description }, work);
  tool('test_tool_with_logging', 'Logs three times.', async (context) => {
    for (const line of ['Tool execution started', 'Tool processing data',
                        'Tool execution completed']) {
      await context.mcpReq.log('info', line);
      await pause(50);
    }
    return text('Logged three times.');
  });
  tool('test_logging_tool', 'Logs if the request asks for it.', async (context) => {
    await context.mcpReq.log('info', 'A line for those who asked');
    return text('Logged, if that was asked for.');
  });
  tool('test_tool_with_progress', 'Tells how far it is.', async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await context.mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100, message: `${progress} of 100` } });
      }
      await pause(50);
    }
    return text('Arrived.');
  });
  tool('test_reconnection', 'Ends its stream before it answers.', async (context) => {
    context.http?.closeSSE?.();
    await pause(100);
    return text('Answered on the stream that was opened next.');
  });
  tool('test_trigger_tool_change', 'Says that the list of tools changed.', async () => {
    notify.toolsChanged();
    return text('Said.');
  });
  tool('test_trigger_prompt_change', 'Says that the list of prompts changed.', async () => {
    notify.promptsChanged();
    return text('Said.');
  });
}

// Before 2026-07-28 a server asks with requests of its own, on the stream of the call. Not told
// which call, the SDK takes the stream that a client opens by GET, and drops what it would ask
// while there is none: a client that sends both at once cannot know which of them arrives first.
function addToolsThatAskOnTheirStream(server) {
  const onItsStream = (context) => ({ relatedRequestId: context.mcpReq.id });
  const option = (word, title) => ({ const: word, title });
  const elicited = async (context, message, properties, required) => {
    const requestedSchema = { type: 'object', properties, ...(required ? { required } : {}) };
    const answer = await context.mcpReq.elicitInput({ message, requestedSchema },
                                                    onItsStream(context));
    return `action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`;
  };
  server.registerTool(
    'test_sampling', { description: 'Asks the model.', inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, context) => {
      const answer = await context.mcpReq.requestSampling({
        messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens: 100,
      }, onItsStream(context));
      return text(`LLM response: ${answer.content.text}`);
    });
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the person.', inputSchema: z.object({ message: z.string() }) },
    async ({ message }, context) => text(`User response: ${await elicited(context, message, {
      username: { type: 'string', description: "User's response" },
      email: { type: 'string', description: "User's email address" } }, ['username', 'email'])}`));
  server.registerTool(
    'test_elicitation_sep1034_defaults', { description: 'Asks, with an answer for each field.' },
    async (context) => text(`Elicitation completed: ${await elicited(context, 'Is this right?', {
      name: { type: 'string', default: 'John Doe' },
      age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true } })}`));
  server.registerTool(
    'test_elicitation_sep1330_enums', { description: 'Asks for choices of five forms.' },
    async (context) => text(`Elicitation completed: ${await elicited(context, 'Choose.', {
      untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
      titledSingle: { type: 'string', oneOf: [
        option('value1', 'First Option'), option('value2', 'Second Option'),
        option('value3', 'Third Option')] },
      legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'],
                    enumNames: ['Option One', 'Option Two', 'Option Three'] },
      untitledMulti: { type: 'array',
                       items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
      titledMulti: { type: 'array', items: { anyOf: [
        option('value1', 'First Choice'), option('value2', 'Second Choice'),
        option('value3', 'Third Choice')] } } })}`));
}

// Since 2026-07-28 a result says what is missing, and the client asks again with it.
function addToolsThatWantMore(server) {
  const tool = (name, work) =>
    server.registerTool(name, { description: 'Answers when it has been told more.' }, work);
  const name = () => ask('What is your name?', { name: { type: 'string' } });
  const confirm = () => ask('Please confirm', { ok: { type: 'boolean' } });
  tool('test_input_required_result_elicitation', async (context) => {
    const known = given(context, 'user_name')?.name;
    return typeof known === 'string' ? text(`Hello, ${known}!`)
      : inputRequired({ inputRequests: { user_name: name() } });
  });
  tool('test_streaming_elicitation', async (context) =>
    given(context, 'user_name') ? text('Thank you.')
      : inputRequired({ inputRequests: { user_name: name() } }));
  tool('test_input_required_result_sampling', async (context) => {
    const answer = answered(context, 'capital_question');
    return answer.kind === 'sampling' ? text(`The model says: ${answer.result.content.text}`)
      : inputRequired({ inputRequests: {
        capital_question: question('What is the capital of France?', 100) } });
  });
  tool('test_input_required_result_list_roots', async (context) => {
    const answer = answered(context, 'client_roots');
    return answer.kind === 'roots' ? text(answer.roots.map((root) => root.uri).join(' '))
      : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  });
  for (const last of ['request_state', 'tampered_state']) {
    tool(`test_input_required_result_${last}`, async (context) => {
      const isOurs = context.mcpReq.requestState()?.of === last;
      return isOurs && given(context, 'confirm') ? text('state-ok')
        : inputRequired({ inputRequests: { confirm: confirm() },
                          requestState: await states.mint({ of: last }) });
    });
  }
  tool('test_input_required_result_multiple_inputs', async (context) => {
    const all = ['user_name', 'greeting', 'client_roots'].every(
      (key) => answered(context, key).kind !== 'missing');
    return all && context.mcpReq.requestState() ? text('All three are here.')
      : inputRequired({
        inputRequests: { user_name: name(), greeting: question('Generate a greeting', 50),
                         client_roots: inputRequired.listRoots() },
        requestState: await states.mint({ of: 'multiple' }) });
  });
  tool('test_input_required_result_multi_round', async (context) => {
    const before = context.mcpReq.requestState();
    const color = given(context, 'step2')?.color;
    if (before?.name && color) return text(`${before.name} likes ${color}.`);
    const known = given(context, 'step1')?.name;
    return known
      ? inputRequired({
        inputRequests: { step2: ask('Step 2: What is your favorite color?',
                                    { color: { type: 'string' } }) },
        requestState: await states.mint({ name: known }) })
      : inputRequired({
        inputRequests: { step1: ask('Step 1: What is your name?', { name: { type: 'string' } }) },
        requestState: await states.mint({ round: 1 }) });
  });
  tool('test_input_required_result_capabilities', async (context) => {
    const able = context.mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? {};
    return inputRequired({ inputRequests: {
      ...(able.elicitation ? { user_name: name() } : {}),
      ...(able.sampling ? { greeting: question('Generate a greeting', 50) } : {}) },
      requestState: await states.mint({ of: 'capabilities' }) });
  });
  // The library refuses with -32021 what the client did not say that it can do.
  tool('test_missing_capability', async (context) =>
    answered(context, 'greeting').kind === 'sampling' ? text('The client can sample.')
      : inputRequired({ inputRequests: { greeting: question('Generate a greeting', 50) } }));
}

function addResources(server) {
  const watched = new Set();
  const of = (uri, mimeType, content) => ({ contents: [{ uri, mimeType, ...content }] });
  const add = (name, uri, mimeType, content) => server.registerResource(
    name, uri, { title: name, description: `For tests: ${name}.`, mimeType },
    async () => of(uri, mimeType, content));
  add('static-text', 'test://static-text', 'text/plain',
      { text: 'This is the content of the static text resource.' });
  add('static-binary', 'test://static-binary', 'image/png', { blob: PNG });
  add('watched-resource', 'test://watched-resource', 'text/plain', { text: 'It does not change.' });
  server.registerResource(
    'template', new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { title: 'template', description: 'Says its own name.', mimeType: 'application/json' },
    async (uri, { id }) => of(uri.href, 'application/json', {
      text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }));
  server.server.setRequestHandler('resources/subscribe', async ({ params }) => {
    watched.add(params.uri);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', async ({ params }) => {
    watched.delete(params.uri);
    return {};
  });
}

function addPrompts(server) {
  const said = (...contents) =>
    ({ messages: contents.map((content) => ({ role: 'user', content })) });
  const words = (what) => ({ type: 'text', text: what });
  const begins = (...all) => (value) => all.filter((one) => one.startsWith(value ?? ''));
  server.registerPrompt('test_simple_prompt', { description: 'One sentence.' },
                        async () => said(words('This is a simple prompt for testing.')));
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'Repeats its arguments.',
      argsSchema: z.object({
        arg1: completable(z.string().describe('The first'), begins('paris', 'park', 'party')),
        arg2: z.string().describe('The second') }) },
    async ({ arg1, arg2 }) => said(words(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)));
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'Holds a resource.',
      argsSchema: z.object({ resourceUri: z.string().describe('Which one') }) },
    async ({ resourceUri }) => said(
      { type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain',
                                      text: 'Embedded resource content for testing.' } },
      words('Please process the embedded resource above.')));
  server.registerPrompt('test_prompt_with_image', { description: 'Holds an image.' },
                        async () => said(IMAGE, words('Please analyze the image above.')));
  server.registerPrompt(
    'test_input_required_result_prompt', { description: 'Is told its context first.' },
    async (context) => {
      const known = given(context, 'user_context')?.context;
      return known ? said(words(`Use this context: ${known}`))
        : inputRequired({ inputRequests: {
          user_context: ask('What context should the prompt use?',
                            { context: { type: 'string' } }) } });
    });
}

// A new server. `notify` is asked to say that a list has changed: toolsChanged(), promptsChanged().
export function fixtureServer(notify) {
  const server = new McpServer({ name: 'keywright-fixture', version: '1.0.0' }, {
    capabilities: { tools: { listChanged: true }, prompts: { listChanged: true },
                    resources: { subscribe: true, listChanged: true }, logging: {},
                    completions: {} },
    requestState: { verify: states.verify },
  });
  const said = notify ?? { toolsChanged: () => server.sendToolListChanged(),
                           promptsChanged: () => server.sendPromptListChanged() };
  addPlainTools(server);
  addToolsThatTell(server, said);
  addToolsThatAskOnTheirStream(server);
  addToolsThatWantMore(server);
  addResources(server);
  addPrompts(server);
  return server;
}
