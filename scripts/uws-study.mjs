#!/usr/bin/env node
/**
 * What a front on µWebSockets would be worth: runs the hostile suites of sections A and D and an echo load on it.
 * `--no-hostile` and `--no-load` leave a part out. See docs/native/uws.md.
 */
import './lib/check-node.mjs';

import('./lib/uws/study.mjs').then((lib) => lib.uwsStudy(process.argv.slice(2)));
