import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { RECORD_URI, readRecord, TOOLS, text } from '../tools.mjs';

const shapes = new Map(TOOLS.map(({ name, shape }) => [name, shape(z)]));

/** A server with the tools of the benchmark. */
export function build() {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  for (const { name, description, run } of TOOLS) {
    server.registerTool(name, { description, inputSchema: shapes.get(name) }, async (args) =>
      text(run(args)),
    );
  }
  server.registerResource('record', RECORD_URI, { mimeType: 'text/plain' }, async ({ href }) => ({
    contents: [{ uri: href, mimeType: 'text/plain', text: readRecord() }],
  }));
  return server;
}
