/** The smoke test of `npm start`: its surroundings and its steps. */
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from './paths.mjs';
import { findOnPath, freePort } from './process.mjs';

/** Installing from an empty cache on a slow line is part of it. */
const READY_MS = 300_000;
const STOP_MS = 15_000;
const MODERN = '2026-07-28';
const LEGACY = '2025-11-25';

/** Copies what git would clone, with uncommitted changes. */
function copyCheckout(to) {
  const list = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (list.status !== 0) throw new Error(`git ls-files failed: ${list.stderr}`);
  for (const file of list.stdout.split('\0')) {
    if (file === '' || !existsSync(join(ROOT, file))) continue;
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(ROOT, file), join(to, file));
  }
}

/** A PATH on which everything is found but cargo: a folder that holds cargo is replaced by one of links without it. */
export function pathWithoutCargo(work) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => existsSync(folder));
  const path = folders.map((folder, index) => {
    if (!existsSync(join(folder, 'cargo'))) return folder;
    const shadow = join(work, `path-${index}`);
    mkdirSync(shadow);
    for (const name of readdirSync(folder)) {
      if (!name.startsWith('cargo')) symlinkSync(join(folder, name), join(shadow, name));
    }
    return shadow;
  });
  return path.join(delimiter);
}

/** Processes that inherited our marker, found through their environment (Linux). */
function markedProcesses(marker) {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(marker);
      } catch {
        return false; // gone, or not ours
      }
    });
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '(gone)';
  }
}

/** The JSON-RPC answer to a request, whether it comes as JSON or as an event stream. */
async function answer(url, message, headers) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  if (message.id === undefined) return { response };
  const type = response.headers.get('content-type') ?? '';
  const bodies = type.startsWith('text/event-stream')
    ? text.split('\n').flatMap((line) => (line.startsWith('data:') && line.length > 6 ? [line.slice(5)] : []))
    : [text];
  const body = bodies.map((one) => JSON.parse(one)).find((one) => one.id === message.id);
  if (body?.result === undefined)
    throw new Error(`${message.method}: HTTP ${response.status} ${text.slice(0, 500)}`);
  return { response, result: body.result };
}

function echoTool(tools) {
  const tool = tools.find(({ name }) => /(^|[^a-z])echo$/.test(name));
  if (tool === undefined) throw new Error(`no echo tool in ${tools.map(({ name }) => name).join(', ')}`);
  return tool.name;
}

function expectEcho(result) {
  const text = result.content?.[0]?.text ?? '';
  if (!text.includes('smoke')) throw new Error(`echo answered ${JSON.stringify(result).slice(0, 500)}`);
}

async function legacyClient(url) {
  const opened = await answer(url, {
    id: 1,
    method: 'initialize',
    params: { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'smoke', version: '1' } },
  });
  const session = opened.response.headers.get('mcp-session-id');
  const headers = { 'mcp-protocol-version': LEGACY, ...(session !== null && { 'mcp-session-id': session }) };
  await answer(url, { method: 'notifications/initialized' }, headers);
  const { result } = await answer(url, { id: 2, method: 'tools/list', params: {} }, headers);
  const name = echoTool(result.tools);
  const params = { name, arguments: { message: 'smoke' } };
  expectEcho((await answer(url, { id: 3, method: 'tools/call', params }, headers)).result);
}

async function modernClient(url) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'smoke', version: '1' },
  };
  const ask = async (id, method, params) => {
    const headers = {
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(params.name !== undefined && { 'mcp-name': params.name }),
    };
    return (await answer(url, { id, method, params: { ...params, _meta } }, headers)).result;
  };
  const discovered = await ask('a', 'server/discover', {});
  if (!discovered.supportedVersions?.includes(MODERN))
    throw new Error(`discover: ${JSON.stringify(discovered)}`);
  const name = echoTool((await ask('b', 'tools/list', {})).tools);
  expectEcho(await ask('c', 'tools/call', { name, arguments: { message: 'smoke' } }));
}

async function untilHealthy(base, child) {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('npm start ended early');
    try {
      if ((await fetch(`${base}/healthz`, { signal: AbortSignal.timeout(2_000) })).status === 200) return;
    } catch {
      // not listening yet
    }
    if (Date.now() > deadline) throw new Error('npm start was not ready in time');
    await sleep(200);
  }
}

async function untilGone(marker) {
  const deadline = Date.now() + STOP_MS;
  for (;;) {
    const left = markedProcesses(marker);
    if (left.length === 0) return;
    if (Date.now() > deadline) {
      const what = left.map((pid) => `${pid} ${commandLine(pid)}`);
      throw new Error(`still running: ${what.join('; ')}`);
    }
    await sleep(100);
  }
}

export async function runSmoke() {
  const work = mkdtempSync(join(tmpdir(), 'ferromcp-smoke-'));
  const checkout = join(work, 'checkout');
  const marker = `FERROMCP_SMOKE=${randomUUID()}`;
  const count = { passed: 0, failed: 0 };
  let output = '';
  const step = async (name, action) => {
    try {
      await action();
      count.passed += 1;
      console.log(`ok: ${name}`);
      return true;
    } catch (error) {
      count.failed += 1;
      console.log(`FAILED: ${name}: ${error.message}`);
      return false;
    }
  };
  copyCheckout(checkout);
  const [key, value] = marker.split('=');
  const { FERROMCP_NATIVE: _native, npm_execpath: _npm, ...inherited } = process.env;
  const env = { ...inherited, PATH: pathWithoutCargo(work), [key]: value };
  const port = await freePort();
  const npm = findOnPath('npm', env);
  const child = spawn(npm ?? 'npm', ['start', '--', '--port', String(port)], {
    cwd: checkout,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.on('error', (error) => {
    output += error.message;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-100_000);
    });
  }
  const base = `http://127.0.0.1:${port}`;
  try {
    if (await step('npm start becomes ready on a fresh copy', () => untilHealthy(base, child))) {
      await step('one line says that the TypeScript fallback is used', () => {
        const lines = output.split('\n').filter((line) => line.includes('cargo is not on PATH'));
        if (lines.length !== 1 || !lines[0].includes('TypeScript fallback'))
          throw new Error(`${lines.length} lines`);
      });
      await step('a legacy client calls an upstream tool', () => legacyClient(`${base}/mcp`));
      await step('a modern client calls an upstream tool', () => modernClient(`${base}/mcp`));
    }
    child.kill('SIGTERM');
    await step('nothing is left running after SIGTERM', () => untilGone(marker));
  } finally {
    for (const pid of markedProcesses(marker)) process.kill(Number(pid), 'SIGKILL');
    if (count.failed > 0) console.log(`--- output of npm start\n${output}\n---`);
    rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  }
  console.log(`${count.passed} passed, ${count.failed} failed`);
  process.exitCode = count.failed > 0 ? 1 : 0;
}
