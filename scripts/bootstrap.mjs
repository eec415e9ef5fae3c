#!/usr/bin/env node
/**
 * Makes a checkout ready to run with nothing but Node.js and npm: installs, builds the Rust addon when cargo is there,
 * compiles TypeScript. Says nothing and takes a moment when there is nothing to do.
 *
 *   node scripts/bootstrap.mjs [--force] [--require-native]
 */
import './lib/check-node.mjs';

import('./lib/bootstrap.mjs').then((lib) => lib.bootstrapFromCommandLine(process.argv.slice(2)));
