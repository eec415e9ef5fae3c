// The limit of the framework: JSON in, compiled validation, JSON out, no protocol.
import { Ajv } from 'ajv';
import Fastify from 'fastify';
import { FILLERS, PORT, SCHEMAS, text } from '../tools.mjs';

const ajv = new Ajv();
const validate = { echo: ajv.compile(SCHEMAS.echo), add: ajv.compile(SCHEMAS.add) };
const run = { echo: ({ message }) => text(message), add: ({ a, b }) => text(String(a + b)) };
const tools = [
  { name: 'echo', description: 'Echo the message', inputSchema: SCHEMAS.echo },
  { name: 'add', description: 'Add two numbers', inputSchema: SCHEMAS.add },
  ...FILLERS.map((filler) => ({ ...filler, inputSchema: SCHEMAS.filler })),
];

function answer({ method, params }) {
  if (method === 'initialize') {
    return {
      protocolVersion: params.protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: 'bare', version: '1' },
    };
  }
  if (method === 'tools/list') return { tools };
  const { name, arguments: args } = params;
  if (!validate[name](args)) throw new Error('invalid');
  return run[name](args);
}

const app = Fastify();
app.post('/mcp', (request, reply) => {
  if (request.body.id === undefined) {
    reply.code(202).send();
    return;
  }
  reply
    .type('application/json')
    .send(JSON.stringify({ jsonrpc: '2.0', id: request.body.id, result: answer(request.body) }));
});
app.listen({ port: PORT, host: '127.0.0.1' });
