/**
 * The Inspector's two command lines. `inspector-cli` makes one request a run and declares no capability of a client, so
 * it cannot answer a question; `mcpdo` keeps a connection and can.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkerNode } from './checker.mjs';
import { ROOT } from './paths.mjs';
import { run } from './process.mjs';

const PACKAGE = join(ROOT, 'conformance', 'node_modules', '@modelcontextprotocol', 'inspector', 'clients');
const CLI = join(PACKAGE, 'launcher', 'build', 'index.js');
const MCPDO = join(PACKAGE, 'mcpdo', 'build', 'mcp-bin.js');
const QUESTION = 'everything__trigger-elicitation-request';

/** Everything the Inspector writes goes to `folder`: nothing of the user's own settings is read or changed. */
function environment(folder) {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  return {
    ...process.env,
    HOME: home,
    MCP_INSPECTOR_SECRET_STORE: 'file',
    MCP_INSPECTOR_DAEMON_DIR: join(folder, 'daemon'),
    MCP_INSPECTOR_DAEMON_TOKEN: randomBytes(32).toString('base64url'),
  };
}

/** What a run is expected to print, and the words that make it. */
const ONE_REQUEST = [
  [
    'list tools',
    ['tools/list'],
    ['everything__echo', 'filesystem__read_text_file', 'memory__create_entities'],
  ],
  [
    'call a tool',
    ['tools/call', '--tool-name', 'everything__echo', '--tool-arg', 'message=grüße'],
    ['Echo: grüße'],
  ],
  ['list resources', ['resources/list'], ['demo://resource/static/document/']],
  ['list resource templates', ['resources/templates/list'], ['demo://resource/dynamic/text/{resourceId}']],
  ['read a resource', ['resources/read', '--uri', 'demo://resource/dynamic/text/1'], ['Resource 1']],
  ['list prompts', ['prompts/list'], ['everything__args-prompt']],
  [
    'get a prompt',
    ['prompts/get', '--prompt-name', 'everything__args-prompt', '--prompt-args', 'city=Bergen'],
    ['Bergen'],
  ],
];

const verdict = (name, output, wanted) => {
  const missing = wanted.filter((text) => !output.includes(text));
  const detail = missing.length === 0 ? '' : `no ${missing.join(', ')} in: ${output.slice(-400)}`;
  return { name, ok: missing.length === 0, detail };
};

/**
 * One request a run.
 * @param {'legacy' | 'modern'} era
 * @param {string[]} target a URL, or a command and its arguments
 */
export async function runInspectorCli(era, target, folder) {
  const env = environment(folder);
  const where =
    target.length === 1 ? ['--transport', 'http', '--server-url', target[0]] : ['--transport', 'stdio'];
  const command = target.length === 1 ? [] : ['--', ...target];
  const checks = [];
  for (const [name, [method, ...words], wanted] of target.length === 1
    ? ONE_REQUEST
    : ONE_REQUEST.slice(0, 2)) {
    const shape = ['--protocol-era', era, '--format', 'json', '--quiet'];
    const args = [CLI, '--cli', ...where, ...shape, '--method', method, ...words, ...command];
    const { code, output } = await run(checkerNode(), args, { capture: true, cwd: ROOT, env });
    checks.push(code === 0 ? verdict(name, output, wanted) : { name, ok: false, detail: output.slice(-400) });
  }
  return checks;
}

/** A connection that is kept: everything of above once more, and an elicitation that is answered. */
export async function runMcpdo(era, url, folder) {
  const env = environment(folder);
  const mcpdo = async (...words) => {
    const args = [MCPDO, '--format', 'json', '--connection', era, ...words];
    const { code, output } = await run(checkerNode(), args, { capture: true, cwd: ROOT, env });
    if (code !== 0) throw new Error(`${words[0]} ended with ${code}: ${output.slice(-400)}`);
    return output;
  };
  const checks = [];
  const check = async (name, words, wanted) => {
    try {
      const output = await mcpdo(...words);
      checks.push(verdict(name, output, wanted));
      return output;
    } catch (error) {
      checks.push({ name, ok: false, detail: error.message });
      return '';
    }
  };
  try {
    const connect = ['connect', '--server-url', url, '--transport', 'http', '--era', era];
    await check('connect', connect, [`"protocolEra": "${era}"`]);
    await check('list tools', ['tools/list'], ['everything__echo', 'memory__create_entities']);
    await check('call a tool', ['tools/call', 'everything__echo', 'message:=grüße'], ['Echo: grüße']);
    await check('read a resource', ['resources/read', 'demo://resource/dynamic/text/1'], ['Resource 1']);
    await check('get a prompt', ['prompts/get', 'everything__simple-prompt'], ['simple prompt']);
    const asked = await check('be asked by an elicitation', ['tools/call', QUESTION], ['elicitationPending']);
    const [, id = 'none'] = /"elicitationId": "([^"]+)"/.exec(asked) ?? [];
    await check('answer an elicitation', ['elicitation/respond', id, 'name:=Ada'], ['- Name: Ada']);
  } finally {
    await run(checkerNode(), [MCPDO, 'daemon', 'stop'], { capture: true, cwd: ROOT, env });
  }
  return checks;
}
