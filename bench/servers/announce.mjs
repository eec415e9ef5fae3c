/** Says on stdout what really serves: which front, and whether the addon is in use. The benchmark reads this line. */
import { loadNative } from '../../dist/native/loader.js';
import { threadNames } from '../measure/processes.mjs';

/** Threads of the native front are called so; the kernel cuts names after 15 characters. */
const FRONT_THREAD = 'ferromcp-front-'.slice(0, 15);

/**
 * @param {{ front?: string }} listening what `listen` gave
 */
export function announce(listening) {
  const threaded = threadNames('self').some((name) => name.startsWith(FRONT_THREAD));
  const { status } = loadNative();
  const front = listening.front ?? (threaded ? 'native' : 'node');
  process.stdout.write(
    `${JSON.stringify({ bench: 'ready', front, native: status.loaded, reason: status.reason })}\n`,
  );
}
