import { FastMCP } from 'fastmcp';
import { z } from 'zod';
import { PORT, RECORD_URI, readRecord, TOOLS } from '../tools.mjs';

const server = new FastMCP({ name: 'bench', version: '1.0.0' });
for (const { name, description, shape, run } of TOOLS) {
  server.addTool({ name, description, parameters: z.object(shape(z)), execute: async (args) => run(args) });
}
server.addResource({
  uri: RECORD_URI,
  name: 'record',
  mimeType: 'text/plain',
  load: async () => ({ text: readRecord() }),
});
await server.start({
  transportType: 'httpStream',
  httpStream: { port: PORT, host: '127.0.0.1', stateless: false, enableJsonResponse: true },
});
