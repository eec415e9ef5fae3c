import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { chooseProtocol } from '../../../src/transports/http/preface.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** What a server takes a connection for that sends these pieces, and the bytes that protocol gets. */
async function choice(pieces: readonly string[], waitMs = 60_000): Promise<[string, string]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const chosen = new Promise<[string, Socket | undefined]>((resolve) => {
    server.once('connection', (socket) => {
      sockets.push(socket);
      socket.once('close', () => resolve(['none', undefined]));
      chooseProtocol(
        socket,
        waitMs,
        (taken) => resolve(['http1', taken]),
        (taken) => resolve(['http2', taken]),
      );
    });
  });
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
  sockets.push(client);
  for (const piece of pieces) {
    client.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const [protocol, socket] = await chosen;
  let text = '';
  socket?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  client.end();
  if (socket !== undefined) await once(socket, 'end');
  server.close();
  return [protocol, text];
}

describe('the protocol of a connection in clear', () => {
  it('follows from its first bytes, however they are cut, and none is lost', async () => {
    const get = 'GET / HTTP/1.1\r\n\r\n';
    for (const [text, protocol] of [
      [`${PREFACE}rest`, 'http2'],
      [get, 'http1'],
      ['PUT / HTTP/1.1\r\n\r\n', 'http1'],
      ['PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n', 'http1'],
    ] as const) {
      expect(await choice([text])).toEqual([protocol, text]);
      expect(await choice([text.slice(0, 2), text.slice(2, 9), text.slice(9)])).toEqual([protocol, text]);
    }
  });

  it('A07 is not waited for without end', async () => {
    expect(await choice([], 20)).toEqual(['none', '']);
    expect(await choice([PREFACE.slice(0, 8)], 40)).toEqual(['none', '']);
  });
});
