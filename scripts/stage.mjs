#!/usr/bin/env node
/**
 * Writes the packages as they are published into `target/npm/`: `ferromcp`, and one for each platform that
 * `scripts/prebuild.mjs` has built. Each folder is then published with `npm publish`, platforms first.
 */
import './lib/check-node.mjs';

import('./lib/packaging/stage-command.mjs').then((lib) => lib.stageFromCommandLine(process.argv.slice(2)));
