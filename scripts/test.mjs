#!/usr/bin/env node
/**
 * `npm test`: bootstrap, then all suites; the last line is `N passed, N failed`. Other arguments go to vitest:
 *
 *   npm test -- test/unit/core
 *   npm test -- --native=0        only the fallback; --native=1 only the addon
 */
import './lib/check-node.mjs';

import('./lib/suites.mjs').then((lib) => lib.runTests(process.argv.slice(2)));
