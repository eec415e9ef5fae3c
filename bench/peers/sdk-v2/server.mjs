// Official SDK v2 as its documentation shows it: one handler for the modern and, statelessly, the legacy era.
import http from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { PORT } from '../tools.mjs';
import { build } from './build.mjs';

const handler = toNodeHandler(createMcpHandler(build));
const server = http.createServer((request, response) => handler(request, response));
if (process.env.KEEP_ALIVE === 'forever') server.keepAliveTimeout = 0;
server.listen({ port: PORT, host: '127.0.0.1', backlog: 4_096 });
