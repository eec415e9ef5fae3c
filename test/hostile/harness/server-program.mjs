/**
 * The server under attack, as a process of its own. Its first argument is JSON:
 * `{ mode, codec, limits, listen, secret }`. Over the IPC channel it tells its port and, when asked, its state.
 */
import { exec, execSync, spawn, spawnSync } from 'node:child_process';
import { write as writeFile, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createServer } from '../../../dist/index.js';
import { createLogger } from '../../../dist/observability/index.js';

const options = JSON.parse(process.argv[2] ?? '{}');
const logger = createLogger({ level: 'debug', destination: process.stderr });

/** What handlers have done; attacks that must be refused leave it unchanged. */
const state = { effects: 0, started: [], aborted: [], finished: [], afterAbort: 0 };
const CANARY = 'canary-5f2c9b';

const server = createServer({
  name: 'hostile-target',
  version: '1.0.0',
  limits: options.limits ?? {},
  logger,
  jsonCodec: options.codec ?? 'native',
  ...(options.secret === undefined ? {} : { stateSecret: Buffer.from(options.secret, 'hex') }),
});

/** Registers a tool without a schema that counts its runs. */
function tool(name, run, settings = {}) {
  server.tool(name, settings, (args, ctx) => {
    state.effects += 1;
    return run(args, ctx);
  });
}

const text = (value) => ({ content: [{ type: 'text', text: value }] });

tool('echo', (args, ctx) => {
  ctx.log('debug', args);
  return text(JSON.stringify(args));
});
tool('typed', ({ region, shard }) => `${region}/${shard}`, {
  input: {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      shard: { type: 'integer', 'x-mcp-header': 'Shard' },
    },
    required: ['region'],
  },
});
tool('tagged', async ({ tag, turns }, ctx) => {
  for (let turn = 1; turn <= turns; turn += 1) {
    ctx.progress({ progress: turn, message: tag });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return text(`${tag} ${ctx.peerKey}`);
});
tool('big', ({ bytes }) => text('x'.repeat(bytes)));
tool('flood', async ({ messages, bytes }, ctx) => {
  const message = 'x'.repeat(bytes);
  for (let sent = 1; sent <= messages && !ctx.signal.aborted; sent += 1) {
    ctx.progress({ progress: sent, message });
    if (sent % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  state.finished.push('flood');
  return text('flooded');
});
tool('flood-then-big', async ({ bytes }, ctx) => {
  ctx.progress({ progress: 1 });
  await delay(1);
  return text('x'.repeat(bytes));
});
tool('wait', async ({ label }, ctx) => {
  state.started.push(label);
  await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
  state.aborted.push(label);
  ctx.progress({ progress: 1_000 });
  ctx.log('emergency', 'after the end');
  state.afterAbort += 1;
  return text('too late');
});
tool('sleep', async ({ label, ms }) => {
  await delay(ms);
  state.finished.push(label);
  return text(label);
});
tool('never', () => new Promise(() => {}), { timeoutMs: 200 });
tool('reject-late', () => delay(400).then(() => Promise.reject(new Error(`late ${CANARY}`))), {
  timeoutMs: 200,
});

const THROWN = {
  error: () => new Error('on purpose'),
  'type-error': () => new TypeError('on purpose'),
  string: () => CANARY,
  number: () => 7,
  null: () => null,
  undefined: () => undefined,
  symbol: () => Symbol(CANARY),
  function: () => () => CANARY,
  frozen: () => Object.freeze({ secret: CANARY }),
  proxy: () =>
    new Proxy(
      {},
      {
        get() {
          throw new Error(CANARY);
        },
        getPrototypeOf() {
          throw new Error(CANARY);
        },
      },
    ),
  'message-getter': () =>
    Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error(CANARY);
      },
    }),
};
for (const [name, make] of Object.entries(THROWN)) {
  tool(`throw-${name}`, () => {
    throw make();
  });
  tool(`reject-${name}`, () => Promise.reject(make()));
  server.resource(`throw://${name}`, {}, () => {
    throw make();
  });
  server.prompt(`throw-${name}`, {}, () => {
    throw make();
  });
}

const RESULTS = {
  cycle: () => {
    const value = {};
    value.self = value;
    return value;
  },
  bigint: () => ({ big: 10n }),
  'bare-bigint': () => 10n,
  nan: () => Number.NaN,
  'nan-inside': () => ({ list: [1, Number.NaN] }),
  infinity: () => ({ value: Number.POSITIVE_INFINITY }),
  undefined: () => undefined,
  function: () => () => CANARY,
  symbol: () => Symbol(CANARY),
  'hole-inside': () => [1, undefined, 3],
  huge: () => 'x'.repeat(200 * 1024 * 1024),
  'huge-escaped': () => '\u0001'.repeat(100 * 1024 * 1024),
  deep: () => {
    let value = 1;
    for (let level = 0; level < 100_000; level += 1) value = [value];
    return value;
  },
  getter: () => ({
    get boom() {
      throw new Error(CANARY);
    },
  }),
  'to-json': () => ({
    toJSON() {
      throw new Error(CANARY);
    },
  }),
  proxy: () =>
    new Proxy(
      {},
      {
        get() {
          throw new Error('on purpose');
        },
      },
    ),
  'content-cycle': () => {
    const meta = {};
    meta.self = meta;
    return { content: [], _meta: meta };
  },
  'thenable-throws': () => ({
    // biome-ignore lint/suspicious/noThenProperty: the attack
    get then() {
      throw new Error('on purpose');
    },
  }),
  'thenable-without-promise': () => ({
    // biome-ignore lint/suspicious/noThenProperty: a thenable that returns nothing, as some libraries have
    then(resolve) {
      setImmediate(() => resolve('from a thenable'));
    },
  }),
  'thenable-twice': () => ({
    // biome-ignore lint/suspicious/noThenProperty: the attack
    then(resolve, reject) {
      resolve('first');
      reject(new Error(CANARY));
      throw new Error(CANARY);
    },
  }),
};
for (const [name, make] of Object.entries(RESULTS)) {
  tool(`result-${name}`, make);
  server.resource(`result://${name}`, {}, make);
}
tool('result-against-schema', () => ({ sum: 'not a number', secret: CANARY }), {
  output: { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] },
});

tool('ask', async (_args, ctx) => {
  const answer = await ctx.elicit({
    message: 'Who?',
    requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
  });
  return text(`${answer.action} ${answer.content?.name ?? ''}`);
});
tool('change', ({ uri }) => {
  if (uri === undefined) {
    server.tool('fleeting', {}, () => 'x');
    server.removeTool('fleeting');
  } else {
    server.resourceUpdated(uri);
  }
  return text('changed');
});
tool('print', async ({ how }) => {
  const noise = `noise ${how}`;
  const script = `process.stdout.write(${JSON.stringify(`${noise}\n`)})`;
  switch (how) {
    case 'console':
      console.log(noise);
      console.info(noise);
      console.table([[noise]]);
      console.dir({ noise });
      break;
    case 'stdout':
      process.stdout.write(`${noise}\n`);
      process.stdout.write(Buffer.from(`${noise}\n`));
      break;
    case 'child':
      await new Promise((resolve) => {
        spawn(process.execPath, ['-e', script], { stdio: 'inherit' }).once('close', resolve);
      });
      break;
    case 'child-fd':
      await new Promise((resolve) => {
        spawn(process.execPath, ['-e', script], { stdio: ['ignore', 1, 'inherit'] }).once('close', resolve);
      });
      break;
    case 'child-stream':
      await new Promise((resolve) => {
        spawn(process.execPath, ['-e', script], { stdio: ['ignore', process.stdout, 'inherit'] }).once(
          'close',
          resolve,
        );
      });
      break;
    case 'descriptor':
      writeSync(1, `${noise}\n`);
      await promisify(writeFile)(1, Buffer.from(`${noise}\n`));
      createRequire(import.meta.url)('node:fs').writeSync(1, `${noise}\n`);
      break;
    case 'child-shell':
      execSync(`echo '${noise}'`, { stdio: 'inherit' });
      await promisify(exec)(`echo '${noise}' >&2; echo captured`).then(({ stdout, stderr }) => {
        if (stdout !== 'captured\n') throw new Error('output of a child was lost');
        process.stderr.write(stderr);
      });
      break;
    case 'child-sync':
      spawnSync(process.execPath, ['-e', script], { stdio: 'inherit' });
      break;
    default:
      console.error(noise);
  }
  return text(`printed ${how}`);
});
/** Leaves something behind that would keep any process alive. */
tool('linger', () => {
  setInterval(() => {}, 1_000);
  return text('lingering');
});
tool('pollution', () => text(JSON.stringify({ polluted: {}.polluted ?? null, isAdmin: {}.isAdmin ?? null })));

server.resource('test://note', { mimeType: 'text/plain' }, () => 'remember');
server.resourceTemplate('test://item/{id}', {}, ({ id }) => {
  state.effects += 1;
  return id;
});
server.resourceTemplate('files://disk/{+path}', {}, ({ path }) => {
  state.effects += 1;
  return path;
});
server.prompt('greet', { arguments: [{ name: 'who', required: true }] }, ({ who }) => `Hello ${who}`);

process.on('message', (question) => {
  if (question === 'state') process.send?.({ state });
});
process.channel?.unref();

try {
  if (options.mode === 'stdio') {
    await server.run([]);
  } else {
    const listening = await server.listen({ port: 0, ...options.listen });
    process.send?.({ port: listening.port });
  }
} catch (error) {
  process.stderr.write(`${JSON.stringify({ failed: error.code ?? error.name, message: error.message })}\n`);
  process.exitCode = 1;
  process.disconnect?.();
}
