import { lookup } from 'node:dns/promises';
import { request } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createServer, type Listening } from '../../src/server/index.ts';

let listening: Listening | undefined;
afterEach(async () => {
  await listening?.close();
  listening = undefined;
});

function server() {
  return createServer({ name: 'node-front', version: '1.0.0' }).tool('echo', {}, () => 'hello');
}

/** Status of one request on a connection of its own. */
function status(host: string, port: number, method: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, method, path, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

/** True when the machine lets a socket listen on the address. */
function canBind(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createTcpServer();
    probe.once('error', () => resolve(false));
    probe.listen(0, address, () => probe.close(() => resolve(true)));
  });
}

describe('the front on Node', () => {
  it('listens on every address of localhost', async () => {
    listening = await server().listen({ port: 0, host: 'localhost', front: 'node' });
    const { port } = listening;
    const addresses = await lookup('localhost', { all: true });
    for (const { address } of addresses) {
      if (await canBind(address)) expect(await status(address, port, 'GET', '/healthz'), address).toBe(200);
    }
    await listening.close();
    listening = undefined;
    for (const { address } of addresses)
      await expect(status(address, port, 'GET', '/healthz')).rejects.toThrow();
  });

  it('refuses a taken port with a code', async () => {
    listening = await server().listen({ port: 0, front: 'node' });
    const second = server().listen({ port: listening.port, front: 'node' });
    await expect(second).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
  });

  it('serves further routes by path and method alone', async () => {
    listening = await server().listen({ port: 0, front: 'node' });
    const { port } = listening;
    const asked = (method: string, path: string) => status('127.0.0.1', port, method, path);
    expect(await asked('GET', '/healthz')).toBe(200);
    expect(await asked('HEAD', '/readyz?x=1')).toBe(200);
    expect(await asked('POST', '/healthz')).toBe(404);
    expect(await asked('GET', '/healthz/')).toBe(404);
    expect(await asked('GET', `http://127.0.0.1:${port}/healthz`)).toBe(200);
    expect(await asked('GET', `http://127.0.0.1:${port}`)).toBe(404);
  });
});
