import { describe, expect, it } from 'vitest';
import { FerroError, RpcError } from '../../../src/core/errors.ts';
import { eventually, isAlive, scripted, textOf } from './support.ts';

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: unknown) => error,
  );
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await rejection(promise);
  expect(error).toBeInstanceOf(FerroError);
  return (error as FerroError).code;
}

describe('what a server prints besides messages', () => {
  it('K01 banner, ANSI, partial JSON and binary before the first message are dropped and counted', async () => {
    let noise = 0;
    const { client } = scripted('banner', {
      onNoise: (bytes) => {
        noise += bytes;
      },
    });
    expect((await client.connect()).era).toBe('legacy');
    expect(noise).toBeGreaterThan(100);
  });

  it('K01 junk between messages does not disturb the call', async () => {
    let lines = 0;
    const { client } = scripted('good', {
      onNoise: () => {
        lines += 1;
      },
    });
    await client.connect();
    expect(textOf((await client.callTool('junk')).content)).toBe('after junk');
    expect(lines).toBe(9);
    expect(textOf((await client.callTool('other')).content)).toBe('called other');
  });

  it('K01 a line over the limit ends the process with a code', async () => {
    let reason: Error | undefined;
    const { client, transport } = scripted(
      'good',
      {
        onClose: (error) => {
          reason = error;
        },
      },
      { maxLineBytes: 100_000 },
    );
    await client.connect();
    const { pid } = transport;
    const call = client.callTool('long-line', { bytes: 100_001 });
    expect(await codeOf(call)).toBe('LINE_TOO_LONG');
    expect((reason as FerroError).code).toBe('LINE_TOO_LONG');
    expect(isAlive(pid ?? 0)).toBe(false);
  });

  it('K01 the default line limit is 10 MiB', async () => {
    const { client } = scripted('good', { timeoutMs: 15_000 });
    await client.connect();
    expect(await codeOf(client.callTool('long-line', { bytes: 10 * 1024 * 1024 + 1 }))).toBe('LINE_TOO_LONG');
  });

  it('D17 characters split over chunks and CRLF line ends are read whole', async () => {
    const { client } = scripted('good');
    await client.connect();
    expect(textOf((await client.callTool('bytewise')).content)).toBe('héllo 世界 🎉');
  });

  it('K03 a flood on stderr is drained; its end is kept', async () => {
    let seen = 0;
    const { client, transport } = scripted(
      'good',
      {},
      {
        onStderr: (chunk) => {
          seen += chunk.length;
        },
      },
    );
    await client.connect();
    expect(textOf((await client.callTool('stderr-flood', { chunks: 100 })).content)).toBe('flooded');
    await eventually(() => transport.stderr.endsWith('the end €\n'));
    expect(seen).toBeGreaterThan(6_000_000);
    expect(Buffer.byteLength(transport.stderr)).toBeLessThanOrEqual(64 * 1024);
  });
});

describe('what a server gets', () => {
  it('K10 only the allowed part of our environment, and what is configured', async () => {
    process.env['FERROMCP_TEST_SECRET'] = 'canary';
    process.env['NODE_OPTIONS_TEST'] = 'canary';
    try {
      const { client } = scripted('good', {}, { env: { CONFIGURED: 'yes', HOME: undefined } });
      await client.connect();
      const env = JSON.parse(textOf((await client.callTool('env')).content)) as Record<string, string>;
      expect(env['CONFIGURED']).toBe('yes');
      expect(env['PATH']).toBe(process.env['PATH']);
      expect(env).not.toHaveProperty('HOME');
      expect(JSON.stringify(env)).not.toContain('canary');
    } finally {
      delete process.env['FERROMCP_TEST_SECRET'];
      delete process.env['NODE_OPTIONS_TEST'];
    }
  });

  it('K10 arguments as they are: no shell reads them', async () => {
    const rest = ['$(touch /tmp/never)', '; exit 1', '*', 'a b', "'"];
    const { client } = scripted('good', {}, { rest: ['-32601', ...rest], cwd: '/' });
    await client.connect();
    expect(JSON.parse(textOf((await client.callTool('argv')).content))).toEqual(['-32601', ...rest]);
    expect(textOf((await client.callTool('cwd')).content)).toBe('/');
  });

  it('a command that does not exist is a coded error', async () => {
    const { client } = scripted('good', {}, { command: '/does/not/exist' });
    expect(await codeOf(client.connect())).toBe('UPSTREAM_UNAVAILABLE');
  });

  it('a command with NUL is refused before anything is started', async () => {
    const { client } = scripted('good', {}, { command: 'node\0x' });
    expect(await codeOf(client.connect())).toBe('CONFIG_INVALID');
  });
});

describe('a server that hangs or ends', () => {
  it('K02 hanging at start ends in a timeout, and the process is gone', async () => {
    const { client, transport } = scripted('mute', { connectTimeoutMs: 400 });
    const connecting = client.connect();
    connecting.catch(() => {});
    await eventually(() => transport.pid !== undefined);
    const pid = transport.pid ?? 0;
    expect(await codeOf(connecting)).toBe('UPSTREAM_TIMEOUT');
    expect(isAlive(pid)).toBe(false);
  });

  it('K02 a hanging call ends in a timeout and is cancelled; the next call works', async () => {
    const { client, transport } = scripted('good');
    await client.connect();
    expect(await codeOf(client.callTool('hang', {}, { timeoutMs: 100 }))).toBe('UPSTREAM_TIMEOUT');
    expect(textOf((await client.callTool('next')).content)).toBe('called next');
    await eventually(() => /cancelled \d+/.test(transport.stderr));
  });

  it('K13 a call that timed out is not sent again', async () => {
    const sent: (number | string)[] = [];
    const { client, transport } = scripted('good');
    await client.connect();
    const onSent = (id: number | string): void => void sent.push(id);
    expect(await codeOf(client.callTool('hang', {}, { timeoutMs: 50, onSent }))).toBe('UPSTREAM_TIMEOUT');
    await eventually(() => transport.stderr.includes('cancelled'));
    await client.ping().catch(() => {});
    expect(sent).toHaveLength(1);
    expect(transport.stderr.match(/cancelled/g)).toHaveLength(1);
  });

  it('K02 a server that ignores the end of its input and SIGTERM is killed', async () => {
    const { client, transport } = scripted('stubborn', {}, { closeMs: 100, terminateMs: 100 });
    await client.connect();
    const pid = transport.pid ?? 0;
    await client.close();
    expect(isAlive(pid)).toBe(false);
    expect(transport.stderr).toContain('no');
  });

  it('K02 grandchildren that ignore SIGTERM are killed with the server on close', async () => {
    const { client } = scripted('good', {}, { closeMs: 300, terminateMs: 200 });
    await client.connect();
    const pid = Number(textOf((await client.callTool('grandchild')).content));
    expect(isAlive(pid)).toBe(true);
    await client.close();
    await eventually(() => !isAlive(pid));
  });

  it('K02 grandchildren are killed when the server crashes', async () => {
    const { client } = scripted('good', {}, { terminateMs: 200 });
    await client.connect();
    const pid = Number(textOf((await client.callTool('grandchild')).content));
    expect(await codeOf(client.callTool('kill'))).toBe('UPSTREAM_CRASHED');
    await eventually(() => !isAlive(pid));
  });

  it('a crash in a call gives it a coded error with the exit code; later calls fail at once', async () => {
    let reason: Error | undefined;
    const { client } = scripted('good', {
      onClose: (error) => {
        reason = error;
      },
    });
    await client.connect();
    const error = (await rejection(client.callTool('crash'))) as FerroError;
    expect(error.code).toBe('UPSTREAM_CRASHED');
    expect(error.detail).toBe('exit code 3');
    expect(reason).toBe(error);
    expect(await codeOf(client.callTool('other'))).toBe('UPSTREAM_CRASHED');
  });

  it('an answer written just before the end still arrives', async () => {
    const { client } = scripted('good');
    await client.connect();
    expect(textOf((await client.callTool('last-words')).content)).toBe('goodbye');
  });

  it('a server that does not read gets no more than the queue holds', async () => {
    const { client, transport } = scripted('deaf', { era: 'legacy' }, { maxQueuedBytes: 1024 * 1024 });
    const connecting = client.connect();
    connecting.catch(() => {});
    await eventually(() => transport.pid !== undefined);
    const notification = { jsonrpc: '2.0', method: 'x', params: { fill: 'y'.repeat(600_000) } } as const;
    let refused: unknown;
    for (let i = 0; i < 5 && refused === undefined; i += 1) {
      refused = await transport.send(notification).then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    expect((refused as FerroError).code).toBe('UPSTREAM_BUSY');
    await client.close();
    expect(await codeOf(connecting)).toBe('CONNECTION_CLOSED');
  });

  it('closing in the middle of a call rejects it with CONNECTION_CLOSED', async () => {
    const { client } = scripted('good');
    await client.connect();
    const call = client.callTool('hang');
    const code = codeOf(call);
    await client.close();
    expect(await code).toBe('CONNECTION_CLOSED');
  });
});

describe('deadlines and cancellation', () => {
  it('progress puts the deadline off', async () => {
    const seen: number[] = [];
    const { client } = scripted('good');
    await client.connect();
    const result = await client.callTool(
      'progress',
      { times: 6, everyMs: 100 },
      { timeoutMs: 400, onProgress: ({ progress }) => void seen.push(progress) },
    );
    expect(textOf(result.content)).toBe('done');
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('the hard deadline holds whatever progress there is', async () => {
    const { client } = scripted('good');
    await client.connect();
    const options = { timeoutMs: 10_000, maxTimeoutMs: 300, onProgress: () => {} };
    expect(await codeOf(client.callTool('progress', { times: 1_000, everyMs: 20 }, options))).toBe(
      'UPSTREAM_TIMEOUT',
    );
  });

  it('an abort cancels at the server', async () => {
    const { client, transport } = scripted('good');
    await client.connect();
    const abort = new AbortController();
    let id: number | string = '';
    const call = client.callTool(
      'hang',
      {},
      {
        signal: abort.signal,
        onSent: (sent) => {
          id = sent;
        },
      },
    );
    await eventually(() => id !== '');
    abort.abort();
    expect(await codeOf(call)).toBe('REQUEST_CANCELLED');
    await eventually(() => transport.stderr.includes(`cancelled ${id}`));
    expect(await codeOf(client.callTool('x', {}, { signal: abort.signal }))).toBe('REQUEST_CANCELLED');
  });

  it('requests over the limit in flight are refused', async () => {
    const { client } = scripted('good', { maxInFlight: 2 });
    await client.connect();
    const held = [client.callTool('hang'), client.callTool('hang')];
    for (const call of held) {
      call.catch(() => {});
    }
    expect(await codeOf(client.callTool('other'))).toBe('UPSTREAM_BUSY');
  });
});

describe('era', () => {
  it.each(['-32601', '-32602', '-32600', '-32000', '-32603', '7'])(
    'falls back to initialize on error %s to the probe',
    async (code) => {
      const { client } = scripted('good', {}, { rest: [code] });
      expect(await client.connect()).toMatchObject({ era: 'legacy', revision: '2025-11-25' });
    },
  );

  it('falls back when the probe is not answered', async () => {
    const { client } = scripted('silent-probe', { probeTimeoutMs: 100 });
    expect((await client.connect()).era).toBe('legacy');
    expect(await client.listTools()).toHaveLength(1);
  });

  it('starts a server anew that ends at the probe', async () => {
    const { client } = scripted('exit-on-probe');
    expect((await client.connect()).era).toBe('legacy');
    expect(textOf((await client.callTool('again')).content)).toBe('called again');
  });

  it('takes an object without supportedVersions for no discovery', async () => {
    const { client } = scripted('empty-object');
    expect((await client.connect()).era).toBe('legacy');
  });

  it('settles on modern when the answer to the probe is late', async () => {
    const { client } = scripted('late-modern', { probeTimeoutMs: 50 }, { rest: ['300'] });
    expect(await client.connect()).toMatchObject({ era: 'modern', revision: '2026-07-28' });
    expect(textOf((await client.callTool('x')).content)).toBe('called x');
  });

  it('accepts the older revision a server answers with', async () => {
    const { client } = scripted('old');
    expect(await client.connect()).toMatchObject({ era: 'legacy', revision: '2024-11-05' });
  });

  it('tries the revision a server names in its refusal', async () => {
    const { client } = scripted('picky-version');
    expect(await client.connect()).toMatchObject({ era: 'legacy', revision: '2024-11-05' });
  });

  it('refuses a revision it does not know', async () => {
    const { client, transport } = scripted('future');
    expect(await codeOf(client.connect())).toBe('UPSTREAM_PROTOCOL');
    expect(transport.pid).toBeUndefined();
  });

  it('pinned to modern, says so when the server is legacy', async () => {
    const { client } = scripted('good', { era: 'modern' });
    expect(await codeOf(client.connect())).toBe('UPSTREAM_PROTOCOL');
  });

  it('pinned to legacy, reports the refusal of a modern server', async () => {
    const { client } = scripted('modern', { era: 'legacy' });
    const error = await rejection(client.connect());
    expect(error).toBeInstanceOf(RpcError);
    expect((error as RpcError).data).toEqual({ supported: ['2026-07-28'] });
  });

  it('connects once', async () => {
    const { client } = scripted('good');
    await client.connect();
    expect(await codeOf(client.connect())).toBe('INSTANCE_REUSED');
  });

  it('a repeated cursor is refused', async () => {
    const { client } = scripted('loop');
    await client.connect();
    expect(await codeOf(client.listTools())).toBe('UPSTREAM_PROTOCOL');
  });
});
