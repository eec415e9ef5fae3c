#!/usr/bin/env node
/** Writes docs/gateway/what-crosses.md from what the crossing tests see. Arguments go to vitest. */
import './lib/check-node.mjs';

import('./lib/crossing.mjs').then((lib) => lib.generateCrossing(process.argv.slice(2)));
