// Official SDK v1 as its documentation shows it: express, one server and transport a session. Replies are event streams,
// its default, or JSON with REPLY=json.
import { randomUUID } from 'node:crypto';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { PORT } from '../tools.mjs';
import { build } from './build.mjs';

const sessions = new Map();
const app = createMcpExpressApp();

async function open() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: process.env.REPLY === 'json',
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  await build().connect(transport);
  return transport;
}

const handle = async (request, response) => {
  const transport = sessions.get(request.headers['mcp-session-id']) ?? (await open());
  await transport.handleRequest(request, response, request.body);
};
app.post('/mcp', handle);
app.get('/mcp', handle);
const server = app.listen(PORT, '127.0.0.1', 4_096);
// Idle connections are counted for longer than Node's five seconds.
if (process.env.KEEP_ALIVE === 'forever') server.keepAliveTimeout = 0;
