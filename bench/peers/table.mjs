/** Who takes part: ferromcp in its variants, other MCP servers, and the least a server can be. */

/**
 * @typedef {'modern' | 'legacy' | 'stateless' | 'bare'} Era
 *   modern: 2026-07-28; legacy: sessions; stateless: legacy revisions without a session; bare: no MCP checks
 * @typedef {object} Peer
 * @property {'own' | 'npm' | 'rust' | 'go'} kind where the program comes from
 * @property {string} folder of `npm` peers: folder in `bench/peers`; of the others the program's name
 * @property {string} [script] of `own` and `npm` peers; default `server.mjs`
 * @property {Era} era
 * @property {Readonly<Record<string, string>>} [env]
 * @property {readonly string[]} without operations it does not have
 * @property {'native' | 'node'} [front] of ferromcp: the front that must have served
 * @property {boolean} [native] of ferromcp: whether the addon must be in use
 * @property {'stdio' | 'http'} [upstream] of the gateway: what it stands before
 * @property {boolean} [h1] understands HTTP/1.1; default true
 * @property {boolean} [h2] understands HTTP/2 without TLS
 * @property {string} [version] of the program measured
 */

/** @type {Readonly<Record<string, Peer>>} */
export const PEERS = {
  'ferromcp native': own('modern', 'native', true, { h2: true }),
  'ferromcp native legacy': own('legacy', 'native', true, { h2: true }),
  'ferromcp node': own('modern', 'node', true, { h2: true }),
  'ferromcp node legacy': own('legacy', 'node', true),
  'ferromcp TypeScript': own('modern', 'node', false),
  'ferromcp TypeScript legacy': own('legacy', 'node', false),
  'ferromcp gateway to stdio': gateway('stdio'),
  'ferromcp gateway to HTTP': gateway('http'),
  'SDK v1': npm('sdk-v1', 'legacy', '@modelcontextprotocol/sdk 1.32.2, express, SSE'),
  'SDK v1 JSON': {
    ...npm('sdk-v1', 'legacy', '@modelcontextprotocol/sdk 1.32.2, express, JSON'),
    env: { REPLY: 'json' },
  },
  'SDK v2': npm('sdk-v2', 'modern', '@modelcontextprotocol/server 2.4.0, node 2.1.2'),
  'SDK v2 legacy': npm('sdk-v2', 'stateless', '@modelcontextprotocol/server 2.4.0, node 2.1.2'),
  fastmcp: npm('fastmcp', 'legacy', 'fastmcp 4.20.16 (npm), stateful'),
  'mcp-lite': npm('mcp-lite', 'stateless', 'mcp-lite 0.10.0'),
  rmcp: program('rust', 'rmcp-server', 'stateless', 'rmcp 3.11.0, axum, stateless JSON', ['read']),
  'rmcp modern': program('rust', 'rmcp-server', 'modern', 'rmcp 3.11.0, axum', ['read']),
  'rmcp session': {
    ...program('rust', 'rmcp-server', 'legacy', 'rmcp 3.11.0, axum, sessions', ['read']),
    env: { MODE: 'session' },
  },
  'Go SDK': program('go', 'official', 'legacy', 'go-sdk 1.8.0, sessions, JSON', ['read']),
  'mcp-go': program('go', 'mcpgo', 'legacy', 'mcp-go 1.2.1, sessions', ['read']),
  'bare node:http': { ...npm('bare-node', 'bare', 'node:http, JSON.parse, ajv'), script: 'http.mjs' },
  'bare node:http2': {
    ...npm('bare-node', 'bare', 'node:http2, JSON.parse, ajv'),
    script: 'http2.mjs',
    h1: false,
    h2: true,
  },
  'bare fastify': { ...npm('bare-node', 'bare', 'fastify 5.12.8, ajv'), script: 'fastify.mjs' },
  'bare hyper': {
    ...program('rust', 'hyper-bare', 'bare', 'hyper 1, serde_json', ['read', 'burn', 'runs', 'list300']),
    h2: true,
  },
};

/** Ratios are taken to this one. */
export const BASE = 'SDK v1';

/**
 * @param {Era} era
 * @param {'native' | 'node'} front
 * @param {boolean} native
 * @param {Partial<Peer>} more
 * @returns {Peer}
 */
function own(era, front, native, more = {}) {
  return {
    kind: 'own',
    folder: 'servers',
    script: 'ferromcp.mjs',
    era,
    front,
    native,
    without: [],
    env: { FERROMCP_FRONT: front, ...(native ? {} : { FERROMCP_NATIVE: '0' }) },
    ...more,
  };
}

/**
 * @param {'stdio' | 'http'} upstream
 * @returns {Peer}
 */
function gateway(upstream) {
  return {
    kind: 'own',
    folder: 'servers',
    script: 'gateway.mjs',
    era: 'modern',
    upstream,
    without: ['list300', 'ping', 'cached', 'read'],
  };
}

/**
 * @param {string} folder
 * @param {Era} era
 * @param {string} version
 * @returns {Peer}
 */
function npm(folder, era, version) {
  return { kind: 'npm', folder, era, version, without: [] };
}

/**
 * @param {'rust' | 'go'} kind
 * @param {string} name
 * @param {Era} era
 * @param {string} version
 * @param {readonly string[]} without
 * @returns {Peer}
 */
function program(kind, name, era, version, without) {
  return { kind, folder: name, era, version, without };
}

/**
 * Names that hold one of the comma-separated parts, in the table's order; a name given in full stands for itself alone.
 * @param {string | undefined} only
 * @param {readonly string[]} names
 */
export function selectPeers(only, names = Object.keys(PEERS)) {
  if (only === undefined) return [...names];
  const parts = only
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '');
  const chosen = names.filter((name) => {
    const lower = name.toLowerCase();
    return parts.some(
      (part) =>
        part === lower || (!names.some((other) => other.toLowerCase() === part) && lower.includes(part)),
    );
  });
  const idle = parts.filter(
    (part) => !chosen.some((name) => name.toLowerCase() === part || name.toLowerCase().includes(part)),
  );
  if (idle.length > 0)
    throw new Error(`no peer is called ${idle.join(', ')}; there are: ${names.join(', ')}`);
  return chosen;
}
