#!/usr/bin/env node
/**
 * `npm start`: bootstrap, then the gateway on the example configuration. Arguments after `--` go to `ferromcp gateway`:
 *
 *   npm start -- --port 9000
 *   npm start -- --config mine.json
 */
import './lib/check-node.mjs';

import('./lib/program.mjs').then((lib) => lib.runGateway(process.argv.slice(2)));
