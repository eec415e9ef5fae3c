/** Starting a server under test, and checking that it answers what it should. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const START_MS = 20_000;

export const PEERS = {
  'ferromcp modern': { script: 'ferromcp', era: 'modern' },
  'ferromcp legacy': { script: 'ferromcp', era: 'legacy' },
  'ferromcp modern, addon off': { script: 'ferromcp', era: 'modern', env: { FERROMCP_NATIVE: '0' } },
  'SDK v1, SSE': { script: 'sdk-v1', era: 'legacy' },
  'SDK v1, JSON': { script: 'sdk-v1', era: 'legacy', env: { JSON: '1' } },
  'SDK v2, modern': { script: 'sdk-v2', era: 'modern' },
  'bare fastify': { script: 'bare-fastify', era: 'bare' },
};

/** A free port of the loopback interface. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts a peer, pinned to a core where that is possible, and waits until it accepts connections. */
export async function startPeer(peer, core) {
  const port = await freePort();
  const script = fileURLToPath(new URL(`./servers/${peer.script}.mjs`, import.meta.url));
  const [command, ...args] = pinned(core, [process.execPath, script]);
  const child = spawn(command, args, {
    env: { ...process.env, NODE_ENV: 'production', PORT: String(port), ...peer.env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const deadline = Date.now() + START_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${peer.script} did not start`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { port, pid: child.pid, stop: () => child.kill('SIGKILL') };
}

export function pinned(core, command) {
  return core === undefined ? command : ['taskset', '-c', String(core), ...command];
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Processor time of a process in microseconds (Linux), or undefined. */
export function cpuMicroseconds(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return undefined;
  }
}

/** One complete HTTP request. */
export function httpRequest(peer, port, session, message) {
  const modern = peer.era === 'modern';
  const params = modern ? { ...message.params, _meta: META } : message.params;
  const body = JSON.stringify({ jsonrpc: '2.0', ...message, params });
  const head = [
    'POST /mcp HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `MCP-Protocol-Version: ${modern ? '2026-07-28' : '2025-06-18'}`,
    ...(modern ? [`Mcp-Method: ${message.method}`] : []),
    ...(modern && message.params.name !== undefined ? [`Mcp-Name: ${message.params.name}`] : []),
    ...(session === undefined ? [] : [`Mcp-Session-Id: ${session}`]),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** Opens a session where there is one and checks echo, add and the list. Returns the session id. */
export async function openAndCheck(peer, port) {
  let session;
  if (peer.era !== 'modern') {
    const opened = await post(peer, port, undefined, {
      id: 0,
      method: 'initialize',
      params: {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'bench', version: '1' },
      },
    });
    session = opened.session;
    await post(peer, port, session, { method: 'notifications/initialized', params: {} });
  }
  const call = async (name, args) =>
    (await post(peer, port, session, { id: 901, method: 'tools/call', params: { name, arguments: args } }))
      .reply;
  const echoed = (await call('echo', { message: 'hello' }))?.result?.content?.[0]?.text;
  const added = (await call('add', { a: 2, b: 3 }))?.result?.content?.[0]?.text;
  const listed = (await post(peer, port, session, { id: 902, method: 'tools/list', params: {} })).reply;
  const tools = listed?.result?.tools?.length;
  if (echoed !== 'hello' || added !== '5' || tools !== 20) {
    throw new Error(`wrong answers: echo ${echoed}, add ${added}, ${tools} tools`);
  }
  return session;
}

async function post(peer, port, session, message) {
  const text = httpRequest(peer, port, session, message);
  const [head, body] = text.split('\r\n\r\n');
  const headers = Object.fromEntries(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(': '))
      .filter(([name]) => name !== 'Host' && name !== 'Content-Length'),
  );
  const response = await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', headers, body });
  const raw = await response.text();
  const json = raw.startsWith('{') ? raw : (/^data: (\{.*)$/m.exec(raw)?.[1] ?? 'null');
  return { session: response.headers.get('mcp-session-id') ?? undefined, reply: JSON.parse(json) };
}
