import http2 from 'node:http2';
import { PORT } from '../tools.mjs';
import { answer } from './answer.mjs';

const server = http2.createServer((request, response) => {
  let body;
  request.on('data', (chunk) => {
    body = body === undefined ? chunk : Buffer.concat([body, chunk]);
  });
  request.on('end', () => {
    const reply = answer(JSON.parse(body.toString()));
    response.writeHead(reply === undefined ? 202 : 200, { 'content-type': 'application/json' });
    response.end(reply);
  });
});
server.listen({ port: PORT, host: '127.0.0.1', backlog: 4_096 });
