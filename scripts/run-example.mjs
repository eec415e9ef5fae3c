#!/usr/bin/env node
/**
 * Bootstraps, then runs a TypeScript or JavaScript file that uses the package by its name:
 *
 *   node scripts/run-example.mjs examples/conformance/client.ts <arguments>
 */
import './lib/check-node.mjs';

import('./lib/program.mjs').then((lib) => lib.runExample(process.argv.slice(2)));
