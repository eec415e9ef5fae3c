// What the gateway adds to a call: processor time of its process, and the time of a call through it beside one to the
// upstream itself, for results of several sizes from an upstream on HTTP and on stdio.
//
// Usage: npm run build && node bench/micro/gateway-hop.mjs [--rounds=3] [--sizes=1000,100000,10000000] [--front=node]
//          [--root=<name>=<folder with dist/>]... [--json]
// With several roots (worktrees of other commits) they take turns in every round.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const SELF = fileURLToPath(import.meta.url);
const HERE = fileURLToPath(new URL('../../', import.meta.url));
const UPSTREAM = `${HERE}test/fixtures/large-result-server.mjs`;
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
};

function option(name, fallback) {
  const found = process.argv.find((each) => each.startsWith(`--${name}=`));
  return found === undefined ? fallback : found.slice(name.length + 3);
}

/** Role of the child: a gateway from the `dist/` of its root, that tells its processor time on request. */
async function gateway([root, target, front]) {
  const { createGateway } = await import(`${root}/dist/index.js`);
  const server = target.startsWith('http')
    ? { url: target, type: 'http' }
    : { command: process.execPath, args: [UPSTREAM, 'stdio', 'modern'] };
  const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
  const { tmpdir } = await import('node:os');
  const folder = mkdtempSync(`${tmpdir()}/gateway-hop-`);
  writeFileSync(`${folder}/mcp.json`, JSON.stringify({ mcpServers: { up: server } }));
  const made = createGateway({ config: `${folder}/mcp.json`, stateDir: folder });
  const listening = await made.listen({ port: 0, front });
  process.send({ url: listening.url, front: listening.front ?? 'fastify' });
  process.on('message', (what) => {
    if (what === 'cpu') {
      const { user, system } = process.cpuUsage();
      process.send({ cpu: user + system, stats: made.upstreams.stats?.()[0] });
    } else {
      rmSync(folder, { recursive: true, force: true });
      process.exit(0);
    }
  });
}

async function startGateway(root, target, front) {
  const child = spawn(process.execPath, [SELF, 'gateway', root, target, front], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let stopped = false;
  child.once('exit', (code, signal) => {
    if (stopped) return;
    console.error(`the gateway of ${root} ended: ${code ?? signal}`);
    process.exit(1);
  });
  const [ready] = await once(child, 'message');
  return {
    ...ready,
    async cpu() {
      child.send('cpu');
      return (await once(child, 'message'))[0];
    },
    stop() {
      stopped = true;
      child.send('stop');
    },
  };
}

async function startUpstream() {
  const child = spawn(process.execPath, [UPSTREAM, 'http', 'modern'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  return { url: `http://127.0.0.1:${line.toString().trim()}/mcp`, stop: () => child.kill() };
}

/** Milliseconds of one call; what comes back is counted and dropped. */
function call(url, name, bytes) {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: { bytes, seed: 's' }, _meta: META },
  });
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': name,
  };
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers }, (response) => {
      let received = 0;
      response.on('data', (chunk) => {
        received += chunk.length;
      });
      response.on('end', () => {
        if (response.statusCode !== 200 || received < bytes) reject(new Error(`HTTP ${response.statusCode}`));
        else resolve(performance.now() - started);
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const callsFor = (bytes) => Math.max(10, Math.min(1_000, Math.round(1e8 / (bytes + 50_000))));

async function measure(url, name, bytes) {
  const times = [];
  for (let index = 0; index < callsFor(bytes); index += 1) times.push(await call(url, name, bytes));
  return median(times);
}

async function bench() {
  const rounds = Number(option('rounds', '3'));
  const sizes = option('sizes', '1000,100000,10000000').split(',').map(Number);
  const front = option('front', 'node');
  const named = process.argv
    .filter((each) => each.startsWith('--root='))
    .map((each) => each.slice(7).split('='));
  const roots = named.length > 0 ? named : [['this', HERE.replace(/\/$/, '')]];
  const upstream = await startUpstream();
  const rows = [];
  for (const channel of ['http', 'stdio']) {
    const gateways = [];
    for (const [name, root] of roots) {
      gateways.push([name, await startGateway(root, channel === 'http' ? upstream.url : 'stdio', front)]);
    }
    for (const bytes of sizes) {
      const samples = new Map(gateways.map(([name]) => [name, { cpu: [], ms: [] }]));
      const direct = [];
      for (const [, each] of gateways) await measure(each.url, 'up__text', bytes);
      for (let round = 0; round < rounds; round += 1) {
        direct.push(await measure(upstream.url, 'text', bytes));
        for (const [name, each] of gateways) {
          const before = await each.cpu();
          samples.get(name).ms.push(await measure(each.url, 'up__text', bytes));
          const after = await each.cpu();
          samples.get(name).cpu.push((after.cpu - before.cpu) / callsFor(bytes));
        }
      }
      for (const [name, each] of gateways) {
        const { cpu, ms } = samples.get(name);
        rows.push({
          upstream: channel,
          bytes,
          gateway: `${name} (${each.front})`,
          'cpu µs/call': Math.round(median(cpu)),
          spread: `${Math.round(Math.min(...cpu))}–${Math.round(Math.max(...cpu))}`,
          'ms/call': Number(median(ms).toFixed(3)),
          // The time of the upstream alone is known on HTTP only.
          ...(channel === 'http' ? { 'added ms': Number((median(ms) - median(direct)).toFixed(3)) } : {}),
        });
      }
    }
    for (const [, each] of gateways) each.stop();
  }
  upstream.stop();
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, rounds, rows }));
  } else {
    console.log(`medians of ${rounds} rounds · node ${process.version} · ${cpus()[0]?.model}`);
    console.table(rows);
  }
}

if (process.argv[2] === 'gateway') await gateway(process.argv.slice(3));
else await bench();
