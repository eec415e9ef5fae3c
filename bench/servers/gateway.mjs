// The gateway before one upstream, names unchanged. UPSTREAM_URL is its address; without it the upstream is a program on
// stdio.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGateway } from '../../dist/index.js';
import { PORT } from '../peers/tools.mjs';
import { announce } from './announce.mjs';
import { LIMITS } from './define.mjs';

const url = process.env.UPSTREAM_URL;
const program = fileURLToPath(new URL('./stdio.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ferromcp-bench-gateway-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const config = join(folder, 'mcp.json');
const upstream = url === undefined ? { command: process.execPath, args: [program] } : { url };
writeFileSync(config, JSON.stringify({ mcpServers: { bench: upstream } }));

const gateway = createGateway({ config, transparent: true, stateDir: folder, limits: LIMITS });
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    gateway.close().finally(() => process.exit(0));
  });
}
const front = process.env.FERROMCP_FRONT;
announce(await gateway.listen({ port: PORT, ...(front === undefined ? {} : { front }) }));
