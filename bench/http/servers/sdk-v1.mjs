// Official SDK v1 as documented: express, one transport a session; replies as SSE (its default) unless JSON=1.
import { randomUUID } from 'node:crypto';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';
import { FILLERS, PORT, text, zodShapes } from '../tools.mjs';

const shapes = zodShapes(z);

function build() {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  server.registerTool(
    'echo',
    { description: 'Echo the message', inputSchema: shapes.echo },
    async ({ message }) => text(message),
  );
  server.registerTool('add', { description: 'Add two numbers', inputSchema: shapes.add }, async ({ a, b }) =>
    text(String(a + b)),
  );
  for (const { name, description } of FILLERS) {
    server.registerTool(name, { description, inputSchema: shapes.filler }, async ({ query }) => text(query));
  }
  return server;
}

const sessions = new Map();
const app = createMcpExpressApp();
app.post('/mcp', async (request, response) => {
  let transport = sessions.get(request.headers['mcp-session-id']);
  if (transport === undefined) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: process.env.JSON === '1',
      onsessioninitialized: (id) => sessions.set(id, transport),
    });
    await build().connect(transport);
  }
  await transport.handleRequest(request, response, request.body);
});
app.listen(PORT, '127.0.0.1');
