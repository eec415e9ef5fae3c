// Official SDK v2 as documented: one handler for the modern and, statelessly, the legacy era.
import http from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { FILLERS, PORT, text, zodShapes } from '../tools.mjs';

const shapes = zodShapes(z);
const schemas = { echo: z.object(shapes.echo), add: z.object(shapes.add), filler: z.object(shapes.filler) };

function build() {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  server.registerTool(
    'echo',
    { description: 'Echo the message', inputSchema: schemas.echo },
    async ({ message }) => text(message),
  );
  server.registerTool('add', { description: 'Add two numbers', inputSchema: schemas.add }, async ({ a, b }) =>
    text(String(a + b)),
  );
  for (const { name, description } of FILLERS) {
    server.registerTool(name, { description, inputSchema: schemas.filler }, async ({ query }) => text(query));
  }
  return server;
}

const handler = toNodeHandler(createMcpHandler(build));
http.createServer((request, response) => handler(request, response)).listen(PORT, '127.0.0.1');
