import http from 'node:http';
import { PORT } from '../tools.mjs';
import { answer } from './answer.mjs';

const server = http.createServer((request, response) => {
  let body;
  request.on('data', (chunk) => {
    body = body === undefined ? chunk : Buffer.concat([body, chunk]);
  });
  request.on('end', () => {
    const reply = answer(JSON.parse(body.toString()));
    if (reply === undefined) {
      response.writeHead(202).end();
      return;
    }
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(reply),
    });
    response.end(reply);
  });
});
if (process.env.KEEP_ALIVE === 'forever') server.keepAliveTimeout = 0;
server.listen({ port: PORT, host: '127.0.0.1', backlog: 4_096 });
