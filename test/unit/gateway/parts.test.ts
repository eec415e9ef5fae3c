import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { isFerroError, RpcError } from '../../../src/core/errors.ts';
import { Bulkhead } from '../../../src/gateway/bulkhead.ts';
import { unionOf } from '../../../src/gateway/capabilities.ts';
import { upstreamEnvironment } from '../../../src/gateway/environment.ts';
import { callFailure } from '../../../src/gateway/failures.ts';
import { isSafeUrl, toInputRequest } from '../../../src/gateway/questions.ts';
import { RefreshSchedule } from '../../../src/gateway/refresh-schedule.ts';
import { mapResult } from '../../../src/gateway/result-mapping.ts';
import { matchesGlob, toolFilter } from '../../../src/gateway/tool-filter.ts';
import { readCheckedFile, writeCheckedFile } from '../../../src/runtime/storage/checked-file.ts';
import { eventually } from '../client/support.ts';

const forever = new AbortController().signal;
const code = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => 'fulfilled',
    (error: unknown) => (isFerroError(error) ? error.code : String(error)),
  );

describe('bulkhead', () => {
  it('admits up to the limit, queues in order, refuses beyond', async () => {
    const bulkhead = new Bulkhead(1, 2);
    const order: number[] = [];
    const first = await bulkhead.acquire(forever, 1_000);
    const second = bulkhead.acquire(forever, 1_000).then((release) => {
      order.push(2);
      return release;
    });
    const third = bulkhead.acquire(forever, 1_000).then((release) => {
      order.push(3);
      return release;
    });
    expect(await code(bulkhead.acquire(forever, 1_000))).toBe('UPSTREAM_BUSY');
    first();
    first();
    (await second)();
    (await third)();
    expect(order).toEqual([2, 3]);
    expect([bulkhead.running, bulkhead.queued]).toEqual([0, 0]);
  });

  it('gives up after the wait or on abort, without losing places', async () => {
    const bulkhead = new Bulkhead(1, 5);
    const release = await bulkhead.acquire(forever, 1_000);
    expect(await code(bulkhead.acquire(forever, 5))).toBe('UPSTREAM_BUSY');
    const abort = new AbortController();
    const waiting = code(bulkhead.acquire(abort.signal, 10_000));
    abort.abort();
    expect(await waiting).toBe('REQUEST_CANCELLED');
    release();
    (await bulkhead.acquire(forever, 1_000))();
    expect(bulkhead.running).toBe(0);
  });
});

describe('tool filters', () => {
  it.each([
    ['*', '', true],
    ['a*c', 'abbc', true],
    ['a*c', 'abcd', false],
    ['a?c', 'abc', true],
    ['**x', 'x', true],
    ['', 'a', false],
    ['*a*b*', 'xxaxxbxx', true],
  ])('%j on %j: %s', (glob, text, expected) => {
    expect(matchesGlob(glob, text)).toBe(expected);
  });

  it('deny wins; linear even on hostile input', () => {
    const offered = toolFilter({ allow: ['read_*'], deny: ['*_secret'] });
    expect(['read_file', 'read_secret', 'write'].filter(offered)).toEqual(['read_file']);
    fc.assert(
      fc.property(
        fc.string(),
        (text) => matchesGlob('*', text) && matchesGlob(text.replace(/[*?]/g, ''), text.replace(/[*?]/g, '')),
      ),
    );
    expect(matchesGlob(`${'*a'.repeat(100)}b`, 'a'.repeat(20_000))).toBe(false);
  });
});

describe('environment of upstreams', () => {
  it('K10 hands on what is named, not NODE_OPTIONS, LD_PRELOAD or tokens', () => {
    const parent = {
      NODE_OPTIONS: '--require /x',
      LD_PRELOAD: '/x.so',
      AWS_SECRET: 's',
      MY_A: '1',
      https_proxy: 'p',
      PATH: '/bin',
    };
    expect(upstreamEnvironment({ OWN: '1' }, ['MY_*'], parent)).toEqual({
      MY_A: '1',
      https_proxy: 'p',
      OWN: '1',
    });
    expect(upstreamEnvironment({}, ['*'], parent)).toEqual(parent);
  });
});

describe('questions of upstreams', () => {
  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'java\tscript:x',
    'https://a\tb.example',
    'https://bank.com@evil.example/',
    'https://',
    'http:/x',
    'vbscript:x',
    `https://x/${'a'.repeat(9_000)}`,
    7,
  ])('H01 refuses the URL %#', (url) => {
    expect(isSafeUrl(url)).toBe(false);
    expect(() =>
      toInputRequest('elicitation/create', { mode: 'url', message: 'm', url: url as string }),
    ).toThrow(RpcError);
  });

  it('accepts ordinary ones and refuses other methods', () => {
    expect(isSafeUrl('https://example.com/authorise?x=1')).toBe(true);
    expect(() => toInputRequest('tasks/get', {})).toThrow('Method not found');
    expect(() => toInputRequest('elicitation/create', { message: 'm' })).toThrow('requestedSchema');
    expect(
      toInputRequest('sampling/createMessage', { messages: [], maxTokens: 1, _meta: { progressToken: 1 } }),
    ).toEqual({
      method: 'sampling/createMessage',
      params: { messages: [], maxTokens: 1 },
    });
  });
});

describe('results', () => {
  it('K06 lose the hints and the server info of the upstream; the rest is kept', () => {
    const result = {
      resultType: 'complete',
      ttlMs: 1e12,
      cacheScope: 'public',
      contents: [{ uri: 'a://1', text: 'x' }],
      content: [
        { type: 'text', text: 'a://1' },
        { type: 'resource_link', uri: 'a://2', name: 'n' },
        { type: 'resource', resource: { uri: 'a://3', text: 'y' } },
      ],
      messages: [{ role: 'user', content: { type: 'resource', resource: { uri: 'a://4', text: 'y' } } }],
      structuredContent: { uri: 'a://5', deep: [1, null] },
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'x' }, 'com.example/trace': 1 },
    };
    expect(mapResult(result, (uri) => `b+${uri}`)).toEqual({
      contents: [{ uri: 'b+a://1', text: 'x' }],
      content: [
        { type: 'text', text: 'a://1' },
        { type: 'resource_link', uri: 'b+a://2', name: 'n' },
        { type: 'resource', resource: { uri: 'b+a://3', text: 'y' } },
      ],
      messages: [{ role: 'user', content: { type: 'resource', resource: { uri: 'b+a://4', text: 'y' } } }],
      structuredContent: { uri: 'a://5', deep: [1, null] },
      _meta: { 'com.example/trace': 1 },
    });
  });

  it('C09 keep a __proto__ key as data', () => {
    const mapped = mapResult(JSON.parse('{"__proto__":{"x":1},"_meta":{"__proto__":{"y":2}}}'), (uri) => uri);
    expect(Object.getPrototypeOf(mapped)).toBe(Object.prototype);
    expect(JSON.stringify(mapped)).toBe('{"__proto__":{"x":1},"_meta":{"__proto__":{"y":2}}}');
  });

  it('failures keep what the upstream said, except codes that differ between the eras', () => {
    const own = new RpcError(-32099, 'custom', { a: 1 });
    expect(callFailure(own, 'up')).toBe(own);
    expect(callFailure(new RpcError(-32002, 'gone', { uri: 'x://1' }), 'up')).toMatchObject({
      code: 'RESOURCE_NOT_FOUND',
      data: { uri: 'x://1' },
    });
    const data = { requiredCapabilities: { sampling: {} } };
    expect(callFailure(new RpcError(-32021, 'cannot', data), 'up')).toMatchObject({
      code: 'CAPABILITY_MISSING',
      detail: 'sampling',
      data,
    });
    expect(callFailure(new RpcError(-32021, 'cannot'), 'up')).toMatchObject({ detail: 'up' });
    expect(callFailure(new Error('ECONNREFUSED 10.0.0.1'), 'up')).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      detail: 'up',
    });
  });
});

describe('capabilities', () => {
  it('are the union; an unknown upstream may offer anything', () => {
    const snapshot = (capabilities: object) => ({ capabilities }) as never;
    expect(unionOf([snapshot({ tools: {} }), snapshot({ prompts: {}, completions: {} })], false)).toEqual({
      tools: { listChanged: true },
      prompts: { listChanged: true },
      completions: {},
    });
    expect(Object.keys(unionOf([undefined], false))).toEqual([
      'tools',
      'resources',
      'prompts',
      'completions',
      'logging',
    ]);
    expect(
      unionOf(
        [
          snapshot({
            tools: { listChanged: false },
            extensions: { 'io.modelcontextprotocol/tasks': {}, 'x/y': {} },
          }),
        ],
        true,
      ),
    ).toEqual({
      tools: { listChanged: false },
      extensions: { 'x/y': {} },
    });
  });
});

describe('refresh schedule', () => {
  it('K09 turns a storm of changes into few runs', async () => {
    const runs: (readonly string[])[] = [];
    const schedule = new RefreshSchedule<string>(async (items) => {
      runs.push(items);
    });
    for (let index = 0; index < 10_000; index += 1) schedule.request([index % 2 === 0 ? 'tools' : 'prompts']);
    await eventually(() => runs.length === 1);
    for (let index = 0; index < 10_000; index += 1) schedule.request(['tools']);
    await eventually(() => runs.length === 2);
    expect(runs.map((run) => [...run].sort())).toEqual([['prompts', 'tools'], ['tools']]);
    schedule.cancel();
  });
});

describe('checked files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ferromcp-checked-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'sub', 'state.json');

  it('come back as written, private, without leftovers', async () => {
    await writeCheckedFile(path, 1, { a: 'é', n: [1, 2] });
    await writeCheckedFile(path, 1, { a: 'ü' });
    expect(readCheckedFile(path, 1, 1_000)).toEqual({ kind: 'ok', value: { a: 'ü' } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'sub'))).toEqual(['state.json']);
  });

  it('L08 are refused when damaged, of another version, too large, not a file or a link', async () => {
    await writeCheckedFile(path, 1, { a: 'ok' });
    const good = readFileSync(path, 'utf8');
    expect(readCheckedFile(path, 2, 1_000).kind).toBe('unusable');
    expect(readCheckedFile(path, 1, 10)).toEqual({ kind: 'unusable', reason: 'too large' });
    expect(readCheckedFile(join(folder, 'none'), 1, 10)).toEqual({ kind: 'absent' });
    expect(readCheckedFile(folder, 1, 10).kind).toBe('unusable');
    symlinkSync(path, join(folder, 'link'));
    expect(readCheckedFile(join(folder, 'link'), 1, 1_000).kind).toBe('unusable');
    fc.assert(
      fc.property(
        fc.nat(good.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, flip, cut) => {
          const bytes = Buffer.from(good);
          bytes[at] = (bytes[at] ?? 0) ^ flip;
          writeFileSync(path, cut ? bytes.subarray(0, at) : bytes);
          expect(readCheckedFile(path, 1, 1_000).kind).toBe('unusable');
        },
      ),
      { numRuns: 200 },
    );
  });
});
