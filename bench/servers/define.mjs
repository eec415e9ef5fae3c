/** The tools and the resource of the benchmark on ferromcp. */
import { createServer } from '../../dist/index.js';
import { RECORD_URI, readRecord, TOOLS } from '../peers/tools.mjs';

/** Long enough that nothing expires during a run. */
const CACHE = { ttlMs: 600_000, scope: 'public' };

/**
 * Limits of the servers under test where a benchmark asks for more than one client would: connections and sessions of the
 * idle run, requests in flight in the one session that all connections of a load share, and connections that stay open.
 */
export const LIMITS = {
  connections: 60_000,
  sessions: 60_000,
  listenStreams: 60_000,
  requestsPerPeer: 2_048,
  requestsPerSocket: 1_000_000_000,
  idleMs: 600_000,
};

/** A server with the tools of the benchmark. */
export function define() {
  const server = createServer({
    name: 'bench',
    version: '1.0.0',
    limits: LIMITS,
    cacheHints: { ttlMs: CACHE.ttlMs, cacheScope: CACHE.scope },
  });
  for (const { name, description, schema, cacheable, run } of TOOLS) {
    const options = { description, input: schema, ...(cacheable === true ? { cache: CACHE } : {}) };
    server.tool(name, options, run);
  }
  server.resource(RECORD_URI, { mimeType: 'text/plain', cache: CACHE }, () => readRecord());
  return server;
}
