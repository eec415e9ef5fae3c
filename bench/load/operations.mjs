/**
 * What is asked of a server, and what it must answer. Each operation makes the message for an id and judges the result,
 * so that load generators and checks agree.
 */
import { RECORD_URI } from '../peers/tools.mjs';

/** Distinct messages, keys and numbers asked for. */
export const DISTINCT = 64;

/**
 * @typedef {{ method: string, params: Record<string, unknown> }} Asked
 * @typedef {object} Operation
 * @property {string} title
 * @property {(id: number, era: import('../peers/table.mjs').Era) => Asked} ask
 * @property {(id: number, result: any, setup: { tools: number }) => boolean} holds is this the right result?
 * @property {number} [tools] tools the server must have; default 20
 */

/** @param {string} name @param {Record<string, unknown>} args */
const call = (name, args) => ({ method: 'tools/call', params: { name, arguments: args } });
/** @param {any} result */
const firstText = (result) => result?.content?.[0]?.text;
/** @param {number} id */
const key = (id) => `record ${id % DISTINCT}`;

/** @type {Operation} */
const list = {
  title: 'tools/list, 20 tools',
  ask: () => ({ method: 'tools/list', params: {} }),
  holds: (_, result, { tools }) => result?.tools?.length === tools,
};

/** @satisfies {Readonly<Record<string, Operation>>} */
export const OPERATIONS = {
  echo: {
    title: 'tools/call echo',
    ask: (id) => call('echo', { message: `hello benchmark world ${id % DISTINCT}` }),
    holds: (id, result) => firstText(result) === `hello benchmark world ${id % DISTINCT}`,
  },
  add: {
    title: 'tools/call add (validated)',
    ask: (id) => call('add', { a: id % DISTINCT, b: id % 17 }),
    holds: (id, result) => Number(firstText(result)) === (id % DISTINCT) + (id % 17),
  },
  list,
  list300: { ...list, title: 'tools/list, 300 tools', tools: 300 },
  ping: {
    title: 'ping (server/discover in 2026-07-28)',
    ask: (_, era) => ({ method: era === 'modern' ? 'server/discover' : 'ping', params: {} }),
    holds: (_, result) => typeof result === 'object' && result !== null,
  },
  cached: {
    title: 'tools/call of a cacheable tool',
    ask: (id) => call('lookup', { key: key(id) }),
    holds: (id, result) => firstText(result) === `value of ${key(id)}`,
  },
  read: {
    title: 'resources/read of a cacheable resource',
    ask: () => ({ method: 'resources/read', params: { uri: RECORD_URI } }),
    holds: (_, result) => String(result?.contents?.[0]?.text).startsWith('record 0123456789'),
  },
  burn: {
    title: 'tools/call that takes 5 ms of processor time',
    ask: () => call('burn', { ms: 5 }),
    holds: (_, result) => firstText(result) === 'done',
  },
  runs: {
    title: 'how often the cacheable handlers ran',
    ask: () => call('runs', {}),
    holds: (_, result) => /^\d+ \d+$/.test(String(firstText(result))),
  },
};

/** @typedef {keyof typeof OPERATIONS} OperationName */

/**
 * @param {string} name
 * @returns {Operation}
 */
export function operation(name) {
  const found = /** @type {Record<string, Operation>} */ (OPERATIONS)[name];
  if (found === undefined)
    throw new Error(`no operation is called ${name}; there are: ${Object.keys(OPERATIONS).join(', ')}`);
  return found;
}

/** What `runs` answered: how often the tool and the resource really ran. */
export function runsOf(/** @type {any} */ result) {
  const [lookup = 0, record = 0] = String(firstText(result)).split(' ').map(Number);
  return { cached: lookup, read: record };
}
