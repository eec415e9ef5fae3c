#!/usr/bin/env node
/**
 * h2spec, the conformance tool for HTTP/2, against our fronts.
 *
 *   node scripts/h2spec.mjs                                   the example `h2` of crates/front, built and started here
 *   node scripts/h2spec.mjs --url=http://127.0.0.1:3000/mcp   a running server; https:// skips the check of its certificate
 *
 * --front=node says that the URL is served by the front on Node's own server, whose nghttp2 has failures of its own.
 * --strict adds the tests of what RFC 9113 only recommends. Needs Go to build h2spec once. The last line is
 * `N passed, N failed, N skipped`; skipped are failures that are known and explained.
 */
import './lib/check-node.mjs';

import('./lib/h2spec.mjs').then((lib) => lib.runH2spec(process.argv.slice(2)));
