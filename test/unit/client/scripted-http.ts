import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createClient } from '../../../src/client/client.ts';
import type { ClientOptions, McpClient } from '../../../src/client/contract.ts';
import { type HttpTransportOptions, httpTransport } from '../../../src/transports/client/http.ts';
import { closing } from './support.ts';

export interface Received {
  readonly verb: string;
  readonly headers: IncomingMessage['headers'];
  readonly method: string | undefined;
  // The script reads whatever it likes of it.
  readonly body: Record<string, unknown> & { readonly params?: Record<string, unknown> };
  readonly at: number;
}

export interface ScriptedHttp {
  readonly url: string;
  readonly received: Received[];
  of(method: string): Received[];
  close(): Promise<void>;
}

export type Script = (request: Received, res: ServerResponse) => void;

/** An HTTP server that does exactly what the test says, request by request. */
export async function scriptedHttp(script: Script): Promise<ScriptedHttp> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const body = (text === '' ? {} : JSON.parse(text)) as Received['body'];
      const method = typeof body['method'] === 'string' ? body['method'] : undefined;
      const request = { verb: req.method ?? '', headers: req.headers, method, body, at: performance.now() };
      received.push(request);
      script(request, res);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return closing({
    url: `http://127.0.0.1:${port}/mcp`,
    received,
    of: (method: string) => received.filter((request) => request.method === method),
    close: async () => {
      for (const socket of sockets) {
        socket.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

export function json(
  res: ServerResponse,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(value));
}

export function result(request: Received, value: unknown): unknown {
  return { jsonrpc: '2.0', id: request.body['id'], result: value };
}

export function failure(request: Received, code: number, message = 'no', data?: unknown): unknown {
  return { jsonrpc: '2.0', id: request.body['id'], error: { code, message, data } };
}

export function event(value: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(value)}\n\n`;
}

export const text = (value: string): unknown => ({ content: [{ type: 'text', text: value }] });

/** Handles what every legacy session starts with; true when it was that. */
export function legacyOpening(request: Received, res: ServerResponse, session?: string): boolean {
  const headers: Record<string, string> = session === undefined ? {} : { 'mcp-session-id': session };
  switch (request.method) {
    case 'server/discover':
      json(res, failure(request, -32601), 400);
      return true;
    case 'initialize':
      json(
        res,
        result(request, {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {}, resources: { subscribe: true } },
          serverInfo: { name: 'scripted', version: '1' },
        }),
        200,
        headers,
      );
      return true;
    case 'notifications/initialized':
      res.writeHead(202).end();
      return true;
    case undefined:
      if (request.verb === 'DELETE') {
        res.writeHead(204).end();
        return true;
      }
      return false;
    default:
      return false;
  }
}

export const DISCOVERED = {
  resultType: 'complete',
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {}, resources: {}, prompts: {} },
};

/** A modern server; `calls` answers what is not the discovery. */
export async function modernHttp(calls: Script): Promise<ScriptedHttp> {
  return await scriptedHttp((request, res) => {
    if (request.method === 'server/discover') {
      json(res, result(request, DISCOVERED));
    } else {
      calls(request, res);
    }
  });
}

/** A legacy server without GET stream; `calls` answers what is not the opening. */
export async function legacyHttp(calls: Script, session?: string): Promise<ScriptedHttp> {
  return await scriptedHttp((request, res) => {
    if (legacyOpening(request, res, session)) {
      return;
    }
    if (request.verb === 'GET' && request.headers['last-event-id'] === undefined) {
      res.writeHead(405).end();
      return;
    }
    calls(request, res);
  });
}

export async function connected(
  server: ScriptedHttp,
  options: ClientOptions = {},
  transport: Partial<HttpTransportOptions> = {},
): Promise<McpClient> {
  const client = closing(createClient(httpTransport({ url: server.url, ...transport }), options));
  await client.connect();
  return client;
}
