#!/usr/bin/env node
/**
 * Fuzzes the native code with libFuzzer on a stable compiler: `node scripts/fuzz.mjs --minutes N [target…]`. See
 * fuzz/README.md.
 */
import './lib/check-node.mjs';

import('./lib/fuzz.mjs').then((lib) => lib.fuzzFromCommandLine(process.argv.slice(2)));
