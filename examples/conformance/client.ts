/**
 * The client that the official MCP conformance suite tests. The suite starts it with the address of a server that
 * watches it, and says by environment variables what to do there:
 *
 *   MCP_CONFORMANCE_SCENARIO=tools_call npm run -s conformance:client -- http://localhost:3000/mcp
 */
import { type ClientOptions, connect, type JsonObject, type McpClient, type Tool } from 'ferromcp';
import { acceptDefaults, answerByModel } from './stand-ins.ts';

const {
  MCP_CONFORMANCE_SCENARIO: scenario = '',
  MCP_CONFORMANCE_PROTOCOL_VERSION: revision = '',
  MCP_CONFORMANCE_CONTEXT: context = '{}',
} = process.env;

/** What a server may ask of this client. */
const ANSWERS: ClientOptions = {
  onElicit: acceptDefaults,
  onSample: answerByModel,
  onRoots: async () => [{ uri: 'file:///workspace', name: 'Workspace' }],
};

/** The smallest arguments a tool accepts, as far as its schema says at its top. */
function leastArguments({ inputSchema }: Tool): JsonObject {
  const required = (inputSchema['required'] ?? []) as readonly string[];
  const properties = (inputSchema['properties'] ?? {}) as Record<string, { readonly type?: string }>;
  const least: Record<string, JsonObject[string]> = {
    string: 'text',
    number: 1,
    integer: 1,
    boolean: true,
    array: [],
    object: {},
  };
  return Object.fromEntries(
    required.map((name) => [name, least[properties[name]?.type ?? 'string'] ?? null]),
  );
}

async function callEveryTool(client: McpClient): Promise<void> {
  for (const tool of await client.listTools()) await client.callTool(tool.name, leastArguments(tool));
}

/** Everything with an HTTP header of its own: tools, resources and prompts are listed and one of each is used. */
async function useEverything(client: McpClient): Promise<void> {
  await callEveryTool(client);
  for (const { uri } of await client.listResources()) await client.readResource(uri);
  for (const prompt of await client.listPrompts()) await client.getPrompt(prompt.name);
}

/** The calls the suite wants, after the definitions are known. */
async function makeCalls(client: McpClient): Promise<void> {
  const { toolCalls } = JSON.parse(context) as {
    readonly toolCalls: readonly { readonly name: string; readonly arguments: JsonObject }[];
  };
  await client.listTools();
  for (const call of toolCalls) await client.callTool(call.name, call.arguments);
}

/** Hands a schema back as it was received. */
async function echoSchema(client: McpClient): Promise<void> {
  const tools = await client.listTools();
  const focal = tools.find((tool) => tool.name === 'json_schema_2020_12_tool');
  if (focal === undefined) throw new Error('json_schema_2020_12_tool is not offered');
  await client.callTool('json_schema_echo', { schema: focal.inputSchema });
}

/** Calls that the server answers with questions, with and without state to hand back, or in the shape of old. */
async function answerInRounds(client: McpClient): Promise<void> {
  await client.listTools();
  await client.callTool('test_mrtr_echo_state');
  await client.callTool('test_mrtr_no_state');
  await client.callTool('test_mrtr_no_result_type');
}

async function run(url: string): Promise<void> {
  const options: ClientOptions = { ...ANSWERS, era: revision === '2026-07-28' ? 'modern' : 'legacy' };
  let client: McpClient | undefined;
  // Calls another tool while a question is open; neither call may carry anything of the other.
  const interrupted: ClientOptions = {
    ...options,
    onElicit: async (params) => {
      await client?.callTool('test_mrtr_unrelated');
      return acceptDefaults(params);
    },
  };
  client = await connect(url, scenario === 'sep-2322-client-request-state' ? interrupted : options);
  try {
    switch (scenario) {
      case 'initialize':
      case 'request-metadata':
      case 'json-schema-ref-no-deref':
        await client.listTools();
        break;
      case 'http-standard-headers':
        await useEverything(client);
        break;
      case 'http-custom-headers':
        await makeCalls(client);
        break;
      case 'json-schema-2020-12-preservation':
        await echoSchema(client);
        break;
      case 'sep-2322-client-request-state':
        await answerInRounds(client);
        break;
      default:
        await callEveryTool(client);
    }
  } finally {
    await client.close();
  }
}

const url = process.argv[2];
if (url === undefined) {
  process.stderr.write('usage: conformance:client <server URL>\n');
  process.exitCode = 2;
} else {
  try {
    await run(url);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  }
}
