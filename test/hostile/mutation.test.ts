import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, legacyRequest, META, modernMeta, modernRequest, post } from './harness/messages.ts';
import { StdioPeer } from './harness/stdio-peer.ts';
import { CODECS, eventually, HttpTarget } from './harness/target.ts';

const MUTATIONS = 2_000;
const SEED = 0x5eed;

/** Mulberry32: the same numbers in every run, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const LEGACY: readonly string[] = [
  legacyRequest(1, 'initialize', {
    protocolVersion: '2025-11-25',
    capabilities: { elicitation: {} },
    clientInfo: { name: 'm', version: '1' },
  }),
  legacyRequest('two', 'tools/call', {
    name: 'tagged',
    arguments: { tag: 'é€😀', turns: 2 },
    _meta: { progressToken: 'p' },
  }),
  legacyRequest(3, 'tools/list', { cursor: 'abc' }),
  legacyRequest(4, 'resources/read', { uri: 'test://item/7' }),
  legacyRequest(5, 'prompts/get', { name: 'greet', arguments: { who: 'x' } }),
  legacyRequest(6, 'logging/setLevel', { level: 'debug' }),
  legacyRequest(7, 'completion/complete', {
    ref: { type: 'ref/prompt', name: 'greet' },
    argument: { name: 'who', value: 'a' },
  }),
  '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"two"}}',
  '{"jsonrpc":"2.0","id":1,"result":{"action":"accept","content":{"name":"x"}}}',
  '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"}]',
];
const MODERN_BODIES: readonly string[] = [
  call('echo', { deep: [[{ a: [1, 2.5e-3, null, true, 'x\u2028'] }]] }).body,
  call('typed', { region: 'eu', shard: 1 }).body,
  modernRequest(1, 'server/discover'),
  modernRequest('"', 'resources/read', { uri: 'files://disk/a/b' }),
  JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'ask',
      _meta: modernMeta({ [`${META}/logLevel`]: 'info' }, { elicitation: {} }),
      requestState: 'AAAA',
      inputResponses: { 'elicit-1': { action: 'accept', content: { name: 'n' } } },
    },
  }),
];

const BITS: readonly string[] = [
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  ',',
  ':',
  'null',
  '1e999',
  '\\ud800',
  '\\u0000',
  '\xff',
  '""',
  '{}',
  ' ',
];

/** One to four changes of the bytes of a message. */
function mutate(message: Buffer, next: (below: number) => number): Buffer {
  let bytes = Buffer.from(message);
  for (let change = next(4); change >= 0; change -= 1) {
    const at = next(bytes.length + 1);
    switch (next(6)) {
      case 0:
        bytes[Math.min(at, bytes.length - 1)] = next(256);
        break;
      case 1:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(BITS[next(BITS.length)] ?? '', 'latin1'),
          bytes.subarray(at),
        ]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + next(8))]);
        break;
      case 3: {
        const from = next(bytes.length + 1);
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          bytes.subarray(from, from + next(40)),
          bytes.subarray(at),
        ]);
        break;
      }
      case 4:
        bytes = bytes.subarray(0, Math.max(at, 1));
        break;
      default:
        if (bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << next(8));
    }
    if (bytes.length === 0) bytes = Buffer.from(' ');
  }
  return bytes;
}

function mutations(messages: readonly string[], seed: number): Buffer[] {
  const next = random(seed);
  return Array.from({ length: MUTATIONS }, () =>
    mutate(Buffer.from(messages[next(messages.length)] ?? ''), next),
  );
}

/** A reply is a result or a coded error, never a stack. */
function expectSound(text: string, of: Buffer): void {
  const replies: unknown = JSON.parse(text);
  for (const reply of Array.isArray(replies) ? replies : [replies]) {
    const shape = reply as { jsonrpc?: string; error?: { code?: number }; result?: object; method?: string };
    expect(shape.jsonrpc, of.toString('latin1')).toBe('2.0');
    const known =
      shape.result !== undefined || shape.method !== undefined || Number.isInteger(shape.error?.code);
    expect(known, text).toBe(true);
    expect(shape.error?.code, of.toString('latin1')).not.toBe(-32603);
  }
  expect(text).not.toMatch(/\bat .*\.(js|ts|mjs):\d+/);
}

describe.each(CODECS)('damaged messages, on %s', (codec) => {
  let http: HttpTarget;
  let stdio: StdioPeer;
  beforeAll(async () => {
    [http, stdio] = await Promise.all([
      HttpTarget.start({ codec, limits: { callMs: 2_000 } }),
      StdioPeer.start({ codec, limits: { callMs: 2_000 } }),
    ]);
    await stdio.initialize('2025-03-26');
  });
  afterAll(() => Promise.all([http.stop(), stdio.stop()]));

  it(`A16 C01 C11 ${MUTATIONS} over stdio: only sound replies, alive, stdout pure`, async () => {
    const from = stdio.lines.length;
    const sent = mutations([...LEGACY, ...MODERN_BODIES], SEED);
    for (const bytes of sent) stdio.line(bytes);
    await stdio.expectAlive();
    for (const line of stdio.lines.slice(from)) expectSound(line, Buffer.from(line));
    expect(stdio.lines.length - from).toBeGreaterThan(MUTATIONS / 2);
    stdio.expectPure();
    expect(stdio.stderr).not.toMatch(/unhandled|uncaught/i);
  });

  it(`A16 C01 C11 ${MUTATIONS} over HTTP: only sound replies, alive`, async () => {
    const session = await http.session('2025-03-26', { elicitation: {} });
    const sent = [
      ...mutations(MODERN_BODIES, SEED + 1)
        .slice(0, MUTATIONS / 2)
        .map((bytes) => post(http.port, bytes, modernHeadersOf(bytes))),
      ...mutations(LEGACY, SEED + 2)
        .slice(0, MUTATIONS / 2)
        .map((bytes) => post(http.port, bytes, { 'Mcp-Session-Id': session })),
    ];
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let at = next++; at < sent.length; at = next++) {
        const request = sent[at] ?? Buffer.of();
        const connection = await http.connect();
        connection.write(request);
        await connection.until(
          request.toString('latin1'),
          () => connection.closed || answered(connection.text) || connection.events().length > 0,
        );
        expect(connection.text).toMatch(/^HTTP\/1\.1 (200|202|204|400|404|406|413|415|429)/);
        const body = /\r\n\r\n(\{.*)$/s.exec(connection.text)?.[1];
        if (body !== undefined) expectSound(body, request);
        for (const event of connection.events()) expectSound(event, request);
        connection.destroy();
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    await http.expectAlive();
    expect(http.output).not.toMatch(/unhandled|uncaught/i);
  });

  it(`A01 A02 ${MUTATIONS / 4} damaged heads: an answer or the end, alive`, async () => {
    const message = call('echo', { x: 1 });
    const sound = post(http.port, message.body, message.headers).toString('latin1');
    const sent = mutations([sound], SEED + 3).slice(0, MUTATIONS / 4);
    let at = 0;
    const worker = async (): Promise<void> => {
      for (let mine = at++; mine < sent.length; mine = at++) {
        const connection = await http.connect();
        connection.write(sent[mine] ?? '');
        // What is cut short gets no answer before its time is up; the peer leaves first.
        const heard = connection.until('an answer', () => connection.closed || connection.size > 0, 5_000);
        await Promise.race([heard.catch(() => undefined), delay(100)]);
        if (connection.size > 0) expect(connection.text).toMatch(/^HTTP\/1\.1 \d{3} /);
        connection.destroy();
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    await http.expectAlive();
    await eventually(() => !/unhandled|uncaught/i.test(http.output));
  });
});

/** The headers that the undamaged body would have had. */
function modernHeadersOf(bytes: Buffer): Record<string, string> {
  const text = bytes.toString('latin1');
  const method = /"method":"([a-z/]+)"/.exec(text)?.[1] ?? 'tools/call';
  const name = /"(?:name|uri)":"([\w:/.-]+)"/.exec(text)?.[1];
  return {
    'MCP-Protocol-Version': '2026-07-28',
    'Mcp-Method': method,
    ...(name === undefined ? {} : { 'Mcp-Name': name }),
  };
}

function answered(text: string): boolean {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return false;
  const length = /^content-length: (\d+)/im.exec(text.slice(0, head))?.[1];
  if (length !== undefined) return Buffer.byteLength(text.slice(head + 4)) >= Number(length);
  return /^HTTP\/1\.1 20[24]/.test(text) || text.includes('\r\n0\r\n\r\n');
}
