/** Command line options the suites share. */
import { parseArgs } from 'node:util';
import { freshSeed } from './order.mjs';

/** An argument that cannot be; the message is all there is to say. */
export class UsageError extends Error {}

const SHARED = /** @type {const} */ ({
  quick: { type: 'boolean', default: false },
  full: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  connections: { type: 'string' },
  only: { type: 'string' },
  operations: { type: 'string' },
  cores: { type: 'string' },
  protocol: { type: 'string' },
  generator: { type: 'string' },
  calls: { type: 'string' },
  seed: { type: 'string' },
  json: { type: 'string' },
  publish: { type: 'boolean', default: false },
  rust: { type: 'boolean', default: false },
  'no-build': { type: 'boolean', default: false },
  'no-install': { type: 'boolean', default: false },
});

/** What every suite understands, for the usage. */
export const USAGE = `  --quick                 short and rough: 2 s, 3 rounds (--full: long, every connection count)
  --rounds=N --seconds=N  how often and how long
  --connections=1,32,256  connections of a load; of idle: how many
  --only=ferromcp,rmcp    peers whose names hold one of these
  --operations=echo,list  operations (http, busy)
  --cores=1|2             1: a core for each side; 2: both sides share two
  --protocol=h1|h2        HTTP/1.1 or HTTP/2 without TLS (http)
  --generator=wrk|h2load|node
  --calls=N               calls of leak and stdio
  --seed=N                order of the peers; printed by every run
  --json=FILE             results, also in bench/results/latest.json
  --publish               writes tables and pictures into docs/ and README.md
  --rust                  micro: also cargo bench
  --no-build --no-install use what is there`;

/**
 * @typedef {object} Defaults
 * @property {number} rounds
 * @property {number} seconds
 * @property {number[]} connections
 * @typedef {object} Options
 * @property {number} rounds
 * @property {number} seconds
 * @property {number[]} connections
 * @property {boolean} connectionsGiven
 * @property {boolean} quick
 * @property {boolean} full
 * @property {string | undefined} only
 * @property {string[] | undefined} operations
 * @property {(1 | 2)[]} cores
 * @property {'h1' | 'h2'} protocol
 * @property {string | undefined} generator
 * @property {number | undefined} calls
 * @property {number} seed
 * @property {string | undefined} json
 * @property {boolean} publish
 * @property {boolean} rust
 * @property {boolean} build
 * @property {boolean} install
 */

/**
 * @param {readonly string[]} argv
 * @param {{ normal: Defaults, quick: Defaults, full: Defaults, cores?: (1 | 2)[] }} defaults
 * @returns {Options}
 * @throws {UsageError}
 */
export function readOptions(argv, defaults) {
  const values = parse(argv);
  if (values.quick && values.full) throw new UsageError('--quick and --full exclude each other');
  const chosen = values.quick ? defaults.quick : values.full ? defaults.full : defaults.normal;
  const cores = list(values.cores)?.map((text) => {
    if (text !== '1' && text !== '2') throw new UsageError(`--cores=${text}: expected 1 or 2`);
    return /** @type {1 | 2} */ (Number(text));
  });
  const protocol = values.protocol ?? 'h1';
  if (protocol !== 'h1' && protocol !== 'h2')
    throw new UsageError(`--protocol=${protocol}: expected h1 or h2`);
  return {
    rounds: count('rounds', values.rounds) ?? chosen.rounds,
    seconds: count('seconds', values.seconds) ?? chosen.seconds,
    connections: list(values.connections)?.map((text) => need('connections', text)) ?? chosen.connections,
    connectionsGiven: values.connections !== undefined,
    quick: values.quick,
    full: values.full,
    only: values.only,
    operations: list(values.operations),
    cores: cores ?? defaults.cores ?? [1],
    protocol,
    generator: values.generator,
    calls: count('calls', values.calls),
    seed: values.seed === undefined ? freshSeed() : need('seed', values.seed, 0),
    json: values.json,
    publish: values.publish,
    rust: values.rust,
    build: !values['no-build'],
    install: !values['no-install'],
  };
}

/** @param {readonly string[]} argv */
function parse(argv) {
  try {
    return parseArgs({ args: [...argv], options: SHARED }).values;
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

/** @param {string | undefined} text */
function list(text) {
  const parts = text
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts?.length === 0) throw new UsageError('a list is empty');
  return parts;
}

/** @param {string} name @param {string | undefined} text */
function count(name, text) {
  return text === undefined ? undefined : need(name, text);
}

/** @param {string} name @param {string} text */
function need(name, text, least = 1) {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${name}=${text}: expected a whole number of at least ${least}`);
  return value;
}
