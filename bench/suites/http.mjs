/**
 * `npm run bench -- http`: replies a second, latency and processor time a request, ferromcp in its variants against other
 * servers and the least a server can be. Peers take turns in every round, in another order each time; ratios are taken
 * within a round.
 */

import { checkAnswers, open, sampleAnswers, whyNotCached } from '../load/check.mjs';
import { chooseGenerator, GENERATOR_LIMIT, runLoad } from '../load/generator.mjs';
import { operation } from '../load/operations.mjs';
import { readOptions } from '../measure/options.mjs';
import { machineBusySeconds } from '../measure/processes.mjs';
import { startPeer, Unavailable } from '../peers/start.mjs';
import { BASE, PEERS, selectPeers } from '../peers/table.mjs';
import { reportHttp } from '../report/http.mjs';
import { preparePeers } from './prepare.mjs';
import { takeTurns } from './rounds.mjs';

const OPERATIONS = ['echo', 'add', 'list', 'ping', 'cached', 'read', 'list300'];
/** A server that has just been started compiles its code first. */
const FIRST_WARM_SECONDS = 2;
const WARM_SECONDS = 1;

const DEFAULTS = {
  normal: { rounds: 3, seconds: 5, connections: [32] },
  quick: { rounds: 3, seconds: 2, connections: [32] },
  full: { rounds: 5, seconds: 8, connections: [1, 32, 256] },
};

/**
 * @typedef {import('../load/generator.mjs').LoadResult & {
 *   peer: string, operation: string, connections: number, cores: 1 | 2, round: number,
 *   cpu: number | undefined, resident: number | undefined, others: number | undefined, generatorBound: boolean
 * }} Sample cpu: microseconds a request; others: share of a core used by strangers meanwhile
 */

/** @param {readonly string[]} argv */
export async function benchHttp(argv) {
  const options = readOptions(argv, DEFAULTS);
  const generator = chooseGenerator(options.protocol, options.generator);
  const wanted = options.operations ?? OPERATIONS;
  for (const name of wanted) operation(name);
  const chosen = withBase(
    selectPeers(options.only).filter((name) => PEERS[name]?.[options.protocol] ?? options.protocol === 'h1'),
    options,
  );
  /** @type {import('./rounds.mjs').Missing[]} */
  const missing = [];
  const names = await preparePeers(chosen, options, missing);
  const head =
    `${options.rounds} rounds of ${options.seconds} s; ${generator} over ${options.protocol === 'h2' ? 'HTTP/2' : 'HTTP/1.1'}; ` +
    `connections ${options.connections.join(', ')}; seed ${options.seed}`;
  console.log(head);
  const samples = await takeTurns(names, options, missing, (turn) =>
    measurePeer({ ...turn, generator, options, wanted, missing }),
  );
  reportHttp({ samples, missing, options, names: chosen, head });
}

/** Ratios need their base, whatever was chosen. */
function withBase(/** @type {string[]} */ chosen, /** @type {{ protocol: string }} */ { protocol }) {
  return protocol === 'h2' || chosen.includes(BASE) ? chosen : [...chosen, BASE];
}

/**
 * @typedef {import('./rounds.mjs').Turn & {
 *   generator: import('../load/generator.mjs').GeneratorName, options: import('../measure/options.mjs').Options,
 *   wanted: readonly string[], missing: import('./rounds.mjs').Missing[]
 * }} Context
 * @param {Context} context
 * @returns {Promise<Sample[]>}
 */
async function measurePeer(context) {
  const { name, peer, wanted, missing } = context;
  /** @type {Sample[]} */
  const samples = [];
  const able = wanted.filter((one) => !peer.without.includes(one));
  for (const tools of new Set(able.map(toolsFor))) {
    const operations = able.filter((one) => toolsFor(one) === tools);
    try {
      samples.push(...(await measureServer(context, operations, tools)));
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      console.log(`  ${name}: ${error instanceof Unavailable ? 'unavailable' : 'FAILED'}: ${message}`);
      missing.push(...operations.map((one) => ({ peer: name, operation: one, reason: message })));
    }
  }
  return samples;
}

const toolsFor = (/** @type {string} */ name) => operation(name).tools ?? 20;

/**
 * @param {Context} context
 * @param {readonly string[]} operations
 * @param {number} tools
 */
async function measureServer(context, operations, tools) {
  const { name, peer, cores, options, missing } = context;
  const server = await startPeer(name, peer, { core: cores.server, tools });
  const check = async () => {
    const target = await open(server.port, peer.era, options.protocol);
    await checkAnswers(target, tools === 20 ? ['echo', 'add', 'list'] : ['list300'], tools);
    return target;
  };
  /** @type {Sample[]} */
  const samples = [];
  try {
    const target = await check();
    for (const one of operations) {
      try {
        const warm = samples.length > 0;
        samples.push(
          ...(await measureOperation({ ...context, server, target, tools, operation: one, warm })),
        );
      } catch (error) {
        const { message } = /** @type {Error} */ (error);
        console.log(`  ${name} ${one}: not measured: ${message}`);
        missing.push({ peer: name, operation: one, reason: message });
      }
    }
    await check();
  } finally {
    await server.stop();
  }
  return samples;
}

/**
 * @typedef {Context & {
 *   server: import('../peers/start.mjs').Started, target: import('../load/requests.mjs').Target,
 *   tools: number, operation: string, warm: boolean
 * }} OperationContext
 * @param {OperationContext} context
 * @returns {Promise<Sample[]>}
 */
async function measureOperation(context) {
  /** @type {Sample[]} */
  const samples = [];
  for (const connections of connectionsFor(context.operation, context.options)) {
    const warm = context.warm || samples.length > 0;
    samples.push(await measureLoad({ ...context, warm, connections }));
  }
  const reason = await whyNotCached(context.peer, context.target, context.operation);
  if (reason !== undefined) throw new Unavailable(reason);
  return samples;
}

/** Every number of connections for the first operation, the middle one for the others, unless they were given. */
function connectionsFor(
  /** @type {string} */ name,
  /** @type {import('../measure/options.mjs').Options} */ options,
) {
  const { connections, connectionsGiven } = options;
  if (connectionsGiven || name === 'echo') return connections;
  return connections.includes(32) ? [32] : connections.slice(0, 1);
}

/**
 * @param {OperationContext & { connections: number }} context
 * @returns {Promise<Sample>}
 */
async function measureLoad(context) {
  const { name, round, coresEachSide, cores, generator, options, server, target, tools, connections } =
    context;
  const load = {
    target,
    operation: context.operation,
    connections,
    seconds: options.seconds,
    protocol: options.protocol,
    generator,
    core: cores.load,
    tools,
  };
  const warm = context.warm ? WARM_SECONDS : FIRST_WARM_SECONDS;
  await runLoad({ ...load, seconds: Math.min(warm, options.seconds) });
  const sampled = sampleAnswers(target, context.operation, tools);
  const look = () => ({ cpu: server.cpu(), busy: machineBusySeconds(), at: performance.now() / 1e3 });
  const before = look();
  const result = await runLoad(load).finally(() => sampled.stop());
  const after = look();
  const asked = await sampled.end();
  const used = minus(after.cpu, before.cpu);
  const mine = (used ?? 0) + (result.generatorCpu ?? 0) * result.seconds;
  const busy = minus(after.busy, before.busy);
  const sample = {
    peer: name,
    operation: context.operation,
    connections,
    cores: coresEachSide,
    round,
    ...result,
    cpu: used === undefined ? undefined : (used * 1e6) / (result.replies + asked),
    resident: server.resident(),
    others: busy === undefined ? undefined : Math.max(0, busy - mine) / (after.at - before.at),
    generatorBound: (result.generatorCpu ?? 0) >= GENERATOR_LIMIT,
  };
  if (result.replies === 0) throw new Error(`no reply to ${context.operation}`);
  console.log(
    `  round ${round + 1} ${name} ${context.operation} c${connections}: ${Math.round(sample.rate)}/s, ` +
      `${sample.cpu?.toFixed(1) ?? '–'} µs` +
      (result.failures > 0 ? `, ${result.failures} failed` : '') +
      (sample.generatorBound ? ', generator at its limit' : ''),
  );
  return sample;
}

/** @param {number | undefined} a @param {number | undefined} b */
const minus = (a, b) => (a === undefined || b === undefined ? undefined : a - b);
