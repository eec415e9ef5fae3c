/** One call through the official client, which accepts whatever it is asked. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const MODES = { legacy: 'legacy', modern: { pin: '2026-07-28' } };

async function ask(transport, mode, name, args) {
  const client = new Client(
    { name: 'pack-test', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode } },
  );
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: {} }));
  await client.connect(transport);
  try {
    const { content } = await client.callTool({ name, arguments: args });
    return content?.[0]?.text;
  } finally {
    await client.close();
  }
}

/** Text of the tool's result over Streamable HTTP, in the legacy or the modern era. */
export function askOverHttp(url, era, name, args) {
  return ask(new StreamableHTTPClientTransport(new URL(url)), MODES[era], name, args);
}

/** Text of the tool's result from a server started for it. */
export function askOverStdio({ command, args: words }, { cwd, env }, name, args) {
  const transport = new StdioClientTransport({ command, args: words, cwd, env, stderr: 'ignore' });
  return ask(transport, MODES.modern, name, args);
}
