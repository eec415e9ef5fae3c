import Fastify from 'fastify';
import { PORT } from '../tools.mjs';
import { answer } from './answer.mjs';

const app = Fastify(process.env.KEEP_ALIVE === 'forever' ? { keepAliveTimeout: 0 } : {});
app.post('/mcp', (request, reply) => {
  const body = answer(request.body);
  if (body === undefined) {
    reply.code(202).send();
    return;
  }
  reply.type('application/json').send(body);
});
await app.listen({ port: PORT, host: '127.0.0.1', backlog: 4_096 });
