#!/usr/bin/env node
/**
 * The official MCP conformance checker against our fixture, which is written with the public API.
 *
 *   node scripts/conformance.mjs server                      fixture server, addon on and off, both requirement sets
 *   node scripts/conformance.mjs server --through-gateway    the same behind `ferromcp gateway --transparent`
 *   node scripts/conformance.mjs client                      fixture client, every scenario but auth (--auth adds it)
 *   node scripts/conformance.mjs all
 *
 * Options: --native=on|off|both|auto, --revision=2025-11-25, --url=<a running server>, --command="<a client>",
 * --scenario=<name> (client). Each check's result stays in results/conformance/. The last line is `N passed, N failed`,
 * counted in scenarios.
 */
import './lib/check-node.mjs';

import('./lib/conformance.mjs').then((lib) => lib.runConformance(process.argv.slice(2)));
