import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../src/native/loader.ts';
import { ensureBuilt } from './cli-process.ts';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** Waits for the next message of the server that has `key`. */
function message(child: ReturnType<typeof fork>, key: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the server ended')));
    const listen = (value: unknown): void => {
      if (typeof value !== 'object' || value === null || !(key in value)) return;
      child.off('message', listen);
      resolve(value as Record<string, unknown>);
    };
    child.on('message', listen);
  });
}

describe.skipIf(native().front === undefined)('while JavaScript is busy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ferromcp-busy-'));
  const file = join(folder, 'go');
  let child: ReturnType<typeof fork>;
  let url = '';
  let session: Record<string, string> = {};

  const post = async (body: object, headers: Record<string, string> = {}): Promise<string> => {
    const response = await fetch(url, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      signal: AbortSignal.timeout(20_000),
    });
    session = { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '', ...session };
    return `${response.status} ${await response.text()}`;
  };

  beforeAll(async () => {
    await ensureBuilt();
    child = fork(fileURLToPath(new URL('../fixtures/busy-server.mjs', import.meta.url)));
    const ready = await message(child, 'url');
    expect(ready['front']).toBe('native');
    url = String(ready['url']);
  });
  afterAll(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('ping, lists, discovery, notifications and refusals are answered; calls wait for their turn', async () => {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    };
    await post({ id: 0, method: 'initialize', params });
    await post({ method: 'notifications/initialized' }, session);

    const blocked = message(child, 'blocked');
    let released = false;
    const call = post(
      { id: 1, method: 'tools/call', params: { name: 'block', arguments: { file } } },
      session,
    ).then((text) => {
      released = true;
      return text;
    });
    await blocked;

    expect(await post({ id: 2, method: 'ping' }, session)).toContain('"id":2,"result":{}');
    expect(await post({ id: 3, method: 'tools/list' }, session)).toContain('"block"');
    expect(await post({ method: 'notifications/unknown' }, session)).toBe('202 ');
    const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' };
    const discover = { id: 4, method: 'server/discover', params: { _meta: META } };
    expect(await post(discover, modern)).toContain('"supportedVersions"');
    expect(await post({ id: 5, method: 'ping' }, { ...session, origin: 'https://evil.example' })).toMatch(
      /^403/,
    );
    expect((await fetch(new URL('/none', url))).status).toBe(404);
    expect(released).toBe(false);

    writeFileSync(file, '');
    expect(await call).toContain('released');
  });
});
