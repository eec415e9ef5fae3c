import { createServer } from '../../../dist/index.js';
import { FILLERS, PORT, SCHEMAS } from '../tools.mjs';

const server = createServer({ name: 'bench', version: '1.0.0' })
  .tool('echo', { description: 'Echo the message', input: SCHEMAS.echo }, ({ message }) => message)
  .tool('add', { description: 'Add two numbers', input: SCHEMAS.add }, ({ a, b }) => String(a + b));
for (const { name, description } of FILLERS) {
  server.tool(name, { description, input: SCHEMAS.filler }, ({ query }) => query);
}
await server.listen({ port: PORT });
