import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { RECORD_URI, readRecord, TOOLS, text } from '../tools.mjs';

const schemas = new Map(TOOLS.map(({ name, shape }) => [name, z.object(shape(z))]));

/** A server with the tools of the benchmark. */
export function build() {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  for (const { name, description, run } of TOOLS) {
    server.registerTool(name, { description, inputSchema: schemas.get(name) }, async (args) =>
      text(run(args)),
    );
  }
  server.registerResource('record', RECORD_URI, { mimeType: 'text/plain' }, async ({ href }) => ({
    contents: [{ uri: href, mimeType: 'text/plain', text: readRecord() }],
  }));
  return server;
}
