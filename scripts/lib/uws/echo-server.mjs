/** An echo tool on the front that is named; prints its address. */
import { createServer } from '../../../dist/index.js';

const server = createServer({ name: 'echo', version: '1.0.0', limits: { requestsPerSocket: 1_000_000_000 } });
server.tool(
  'echo',
  { input: { type: 'object', properties: { text: { type: 'string' } } } },
  ({ text }) => text,
);
const { url } = await server.listen({ port: 0, front: process.argv[2] });
console.log(url);
