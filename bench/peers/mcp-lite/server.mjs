import { serve } from '@hono/node-server';
import { McpServer, StreamableHttpTransport } from 'mcp-lite';
import * as z from 'zod';
import { PORT, RECORD_URI, readRecord, TOOLS, text } from '../tools.mjs';

const server = new McpServer({
  name: 'bench',
  version: '1.0.0',
  schemaAdapter: (schema) => z.toJSONSchema(schema),
});
for (const { name, description, shape, run } of TOOLS) {
  server.tool(name, { description, inputSchema: z.object(shape(z)), handler: (args) => text(run(args)) });
}
server.resource(RECORD_URI, { name: 'record', mimeType: 'text/plain' }, async (uri) => ({
  contents: [{ uri: uri.href, mimeType: 'text/plain', text: readRecord() }],
}));
const handle = new StreamableHttpTransport().bind(server);
serve({ fetch: (request) => handle(request), port: PORT, hostname: '127.0.0.1' });
