/** What comes before a suite: the product built, the peers installed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrapOrExit } from '../../scripts/lib/bootstrap.mjs';
import { ROOT } from '../../scripts/lib/paths.mjs';
import { UsageError } from '../measure/options.mjs';
import { commandOf, installPeers, sourceOf } from '../peers/install.mjs';
import { PEERS } from '../peers/table.mjs';

/**
 * Builds the product unless told not to.
 * @param {{ build: boolean }} options
 */
export async function prepareProduct({ build }) {
  if (build) await bootstrapOrExit();
  else if (!existsSync(join(ROOT, 'dist', 'index.js')))
    throw new UsageError('dist/ is missing: run npm run build first');
}

/**
 * Builds the product, installs the peers, and leaves out what is not there with a printed reason.
 * @param {readonly string[]} chosen
 * @param {{ build: boolean, install: boolean }} options
 * @param {{ peer: string, operation: string, reason: string }[]} missing
 * @returns {Promise<string[]>} names that can be measured
 */
export async function preparePeers(chosen, options, missing) {
  await prepareProduct(options);
  const peers = chosen.map((name) => /** @type {import('../peers/table.mjs').Peer} */ (PEERS[name]));
  const absent = options.install ? await installPeers(peers, (text) => console.log(text)) : new Map();
  return chosen.filter((name, index) => {
    const peer = /** @type {import('../peers/table.mjs').Peer} */ (peers[index]);
    const program = commandOf(peer).at(-1) ?? '';
    const reason = absent.get(sourceOf(peer)) ?? (existsSync(program) ? undefined : 'it is not installed');
    if (reason === undefined) return true;
    console.log(`${name}: left out: ${reason}`);
    missing.push({ peer: name, operation: '*', reason });
    return false;
  });
}
