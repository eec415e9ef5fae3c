import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout this script belongs to, whatever the working directory is. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Oldest Node.js major the product runs on; `engines.node` in package.json says the same. */
export const MIN_NODE = 20;

/** Oldest Node.js major the conformance checker starts on (it uses `fs.globSync`). */
export const MIN_CHECKER_NODE = 22;

export const MAIN = join(ROOT, 'dist', 'cli', 'main.js');
