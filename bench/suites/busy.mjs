/**
 * `npm run bench -- busy`: one client keeps a tool running that burns 5 ms of the JavaScript thread at a time; four
 * connections ask for what needs no handler. On one core and on two.
 */
import { open, sampleAnswers, whyNotCached } from '../load/check.mjs';
import { chooseGenerator, runLoad } from '../load/generator.mjs';
import { operation } from '../load/operations.mjs';
import { readOptions } from '../measure/options.mjs';
import { spread } from '../measure/statistics.mjs';
import { startPeer } from '../peers/start.mjs';
import { PEERS, selectPeers } from '../peers/table.mjs';
import { spreadText, whole } from '../report/format.mjs';
import { commandFor, reportTables } from '../report/table.mjs';
import { preparePeers } from './prepare.mjs';
import { grouped, takeTurns } from './rounds.mjs';

const DEFAULT_PEERS = [
  'ferromcp native',
  'ferromcp native legacy',
  'ferromcp node',
  'bare node:http',
  'SDK v1',
];
const OPERATIONS = ['ping', 'cached'];
const DEFAULTS = {
  normal: { rounds: 3, seconds: 4, connections: [4] },
  quick: { rounds: 3, seconds: 2, connections: [4] },
  full: { rounds: 5, seconds: 8, connections: [4] },
  cores: /** @type {(1 | 2)[]} */ ([1, 2]),
};
/** The burning client starts earlier and ends later than what is measured. */
const AROUND_SECONDS = 1;

/** @param {readonly string[]} argv */
export async function benchBusy(argv) {
  const options = readOptions(argv, DEFAULTS);
  const generator = chooseGenerator('h1', options.generator);
  const wanted = options.operations ?? OPERATIONS;
  for (const name of wanted) operation(name);
  const able = Object.keys(PEERS).filter(
    (name) => PEERS[name]?.h1 !== false && !PEERS[name]?.without.includes('burn'),
  );
  /** @type {import('./rounds.mjs').Missing[]} */
  const missing = [];
  const chosen = options.only === undefined ? DEFAULT_PEERS : selectPeers(options.only, able);
  const names = await preparePeers(chosen, options, missing);
  const samples = await takeTurns(names, options, missing, (turn) =>
    measure(turn, options, generator, wanted, missing),
  );
  const groups = grouped(samples, ({ cores, operation: name, peer }) => `${cores} ${name} ${peer}`);
  const tables = [
    ...grouped([...groups.values()], ([first]) => `${first?.cores} ${first?.operation}`).values(),
  ].map((rows) => ({ title: titleOf(rows[0]?.[0]), rows: [HEAD, ...rows.map(rowOf)] }));
  const more = [
    `--cores=${options.cores.join(',')}`,
    ...(options.operations === undefined ? [] : [`--operations=${wanted.join(',')}`]),
  ];
  reportTables({
    suite: 'busy',
    command: commandFor('busy', options, more),
    tables,
    missing,
    data: { samples },
    options,
  });
}

/** @typedef {{ peer: string, operation: string, cores: 1 | 2, round: number, rate: number, p50: number | undefined, p99: number | undefined, burnt: number, failures: number }} Sample */

/**
 * @param {import('./rounds.mjs').Turn} turn
 * @param {import('../measure/options.mjs').Options} options
 * @param {import('../load/generator.mjs').GeneratorName} generator
 * @param {readonly string[]} wanted
 * @param {import('./rounds.mjs').Missing[]} missing
 * @returns {Promise<Sample[]>}
 */
async function measure({ name, peer, round, coresEachSide, cores }, options, generator, wanted, missing) {
  const server = await startPeer(name, peer, { core: cores.server });
  /** @type {Sample[]} */
  const samples = [];
  try {
    const target = await open(server.port, peer.era);
    const shared = { protocol: /** @type {const} */ ('h1'), generator, core: cores.load };
    for (const one of wanted.filter((operationName) => !peer.without.includes(operationName))) {
      const connections = options.connections[0] ?? 4;
      const load = { ...shared, target, operation: one, connections, seconds: options.seconds };
      // Fills the cache where there is one, and compiles the code.
      await runLoad({ ...load, seconds: 1 });
      const burner = { target: await open(server.port, peer.era), operation: 'burn', connections: 1 };
      const burning = runLoad({ ...shared, ...burner, seconds: options.seconds + 2 * AROUND_SECONDS });
      burning.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, AROUND_SECONDS * 1e3));
      const sampled = sampleAnswers(target, one, 20);
      const result = await runLoad(load);
      await sampled.end();
      const burnt = await burning;
      const reason = await whyNotCached(peer, target, one);
      if (reason !== undefined) {
        missing.push({ peer: name, operation: one, reason });
        continue;
      }
      const { rate, p50, p99, failures } = result;
      samples.push({
        peer: name,
        operation: one,
        cores: coresEachSide,
        round,
        rate,
        p50,
        p99,
        burnt: burnt.rate,
        failures,
      });
      console.log(
        `  round ${round + 1} ${name} ${one}: ${whole(rate)}/s, p50 ${micros(p50)} µs, p99 ${micros(p99)} µs`,
      );
    }
  } finally {
    await server.stop();
  }
  return samples;
}

const HEAD = ['server', 'p50 µs (min–max)', 'p99 µs (min–max)', 'req/s (min–max)', 'busy calls/s', 'failed'];

/** @param {Sample[]} samples */
function rowOf(samples) {
  return [
    samples[0]?.peer ?? '',
    spreadText(spread(samples.map(({ p50 }) => (p50 ?? Number.NaN) * 1e3)), whole),
    spreadText(spread(samples.map(({ p99 }) => (p99 ?? Number.NaN) * 1e3)), whole),
    spreadText(spread(samples.map(({ rate }) => rate)), whole),
    whole(spread(samples.map(({ burnt }) => burnt)).median),
    String(samples.reduce((sum, { failures }) => sum + failures, 0)),
  ];
}

/** @param {Sample | undefined} sample */
function titleOf(sample) {
  if (sample === undefined) return '';
  const cores = sample.cores === 1 ? 'one core for the server' : 'two cores, shared with the clients';
  return `${operation(sample.operation).title}, beside a tool that burns 5 ms at a time; ${cores}`;
}

/** @param {number | undefined} milliseconds */
const micros = (milliseconds) => whole(milliseconds === undefined ? undefined : milliseconds * 1e3);
