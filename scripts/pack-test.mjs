#!/usr/bin/env node
/**
 * The published packages as a user meets them: staged, packed, installed into an empty folder without cargo and without
 * install scripts, then the examples of README.md, once with the platform package and once without it. Prints the sizes
 * of the packages; the last line is `N passed, N failed`.
 */
import './lib/check-node.mjs';

import('./lib/packaging/pack-test.mjs').then((lib) => lib.runPackTest());
