/** Opening sessions and verifying answers: before a load, after it, and by samples while it runs. */
import { connectTo } from './connection-h2.mjs';
import { DISTINCT, operation, runsOf } from './operations.mjs';
import { opening, operationRequest, PREPARED, request } from './requests.mjs';

const SAMPLE_EVERY_MS = 100;

/**
 * Opens a session where the era has one.
 * @param {number} port
 * @param {import('../peers/table.mjs').Era} era
 * @param {'h1' | 'h2'} [protocol]
 * @returns {Promise<import('./requests.mjs').Target>}
 */
export async function open(port, era, protocol = 'h1') {
  /** @type {import('./requests.mjs').Target} */
  const target = { port, era, protocol };
  if (era !== 'legacy') return target;
  const connection = connectTo(target);
  try {
    const [initialize, initialized] = opening();
    const { session, message } = await connection.ask(request(target, initialize));
    if (message?.result?.protocolVersion === undefined)
      throw new Error(`no session: ${JSON.stringify(message)}`);
    const opened = { ...target, session };
    await connection.ask(request(opened, initialized));
    return opened;
  } finally {
    connection.close();
  }
}

/**
 * Asks once and throws when the answer is wrong.
 * @param {ReturnType<typeof connectTo>} connection
 * @param {import('./requests.mjs').Target} target
 * @param {string} name
 * @param {number} id
 * @param {number} tools
 */
async function verify(connection, target, name, id, tools) {
  const { status, message, bytes } = await connection.ask(operationRequest(target, name, id));
  const right = status === 200 && message?.id === id && operation(name).holds(id, message.result, { tools });
  if (!right) throw new Error(`wrong answer to ${name}: ${status} ${JSON.stringify(message)?.slice(0, 300)}`);
  return { message, bytes };
}

/**
 * @param {import('./requests.mjs').Target} target
 * @param {readonly string[]} names operations
 * @param {number} tools in the server's list
 * @returns {Promise<Record<string, number>>} bytes of the reply to each operation
 */
export async function checkAnswers(target, names, tools) {
  const connection = connectTo(target);
  try {
    /** @type {Record<string, number>} */
    const sizes = {};
    for (const name of names) {
      // An id of as many digits as most of the prepared ones.
      sizes[name] = (await verify(connection, target, name, 901, tools)).bytes;
    }
    return sizes;
  } finally {
    connection.close();
  }
}

/**
 * How often the cacheable handlers of a server ran so far.
 * @param {import('./requests.mjs').Target} target
 */
async function handlerRuns(target) {
  const connection = connectTo(target);
  try {
    const { message } = await verify(connection, target, 'runs', 7, 0);
    return runsOf(message.result);
  } finally {
    connection.close();
  }
}

/**
 * Says why a server of ours that should answer from its cache did not: its handlers ran more often than there are
 * distinct requests. Other servers have no cache; for them these are calls like any other.
 * @param {import('../peers/table.mjs').Peer} peer
 * @param {import('./requests.mjs').Target} target
 * @param {string} name operation
 * @returns {Promise<string | undefined>} undefined: it is as it should be
 */
export async function whyNotCached(peer, target, name) {
  if (peer.kind !== 'own' || (name !== 'cached' && name !== 'read')) return undefined;
  const runs = (await handlerRuns(target))[name];
  return runs > 2 * DISTINCT ? `nothing was cached: the handler ran ${runs} times` : undefined;
}

/**
 * Verifies answers while a load runs: every tenth of a second one, over a connection of its own.
 * @param {import('./requests.mjs').Target} target
 * @param {string} name
 * @param {number} tools
 */
export function sampleAnswers(target, name, tools) {
  const connection = connectTo(target);
  let taken = 0;
  let running = true;
  /** @type {Error | undefined} */
  let wrong;
  /** @type {() => void} */
  let wake = () => {};
  const loop = (async () => {
    while (running && wrong === undefined) {
      try {
        // Ids the load does not use: two requests of one session must not carry the same.
        await verify(connection, target, name, PREPARED * 10 + taken, tools);
        taken += 1;
      } catch (error) {
        wrong = /** @type {Error} */ (error);
      }
      await new Promise((resolve) => {
        wake = () => resolve(undefined);
        setTimeout(wake, SAMPLE_EVERY_MS);
      });
    }
  })();
  const stop = () => {
    running = false;
    wake();
  };
  return {
    /** No more samples are begun. */
    stop,
    /** Ends sampling; throws when an answer was wrong. @returns {Promise<number>} samples taken */
    async end() {
      stop();
      await loop;
      connection.close();
      if (wrong !== undefined) throw wrong;
      return taken;
    },
  };
}
