#!/usr/bin/env node
/**
 * Clients of other makers (the Inspector, the Python SDK) against the gateway that `npm start` runs, in both eras, over
 * HTTP and stdio. Installs what is missing. The last line is `N passed, N failed`.
 */
import './lib/check-node.mjs';

import('./lib/clients.mjs').then((lib) => lib.runClients());
