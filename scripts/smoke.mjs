#!/usr/bin/env node
/**
 * `npm start` as a new user without Rust meets it: a fresh copy of the checkout, cargo not on PATH, then a gateway that
 * serves both eras, calls a tool of an upstream server, and leaves no process behind. The last line is
 * `N passed, N failed`.
 */
import './lib/check-node.mjs';

import('./lib/smoke.mjs').then((lib) => lib.runSmoke());
