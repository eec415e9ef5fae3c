import { describe, expect, it } from 'vitest';
import type { LoggerOptions } from '../../../src/observability/logger.ts';
import { createLogger } from '../../../src/observability/logger.ts';

function capture(options: LoggerOptions = {}) {
  const lines: string[] = [];
  const logger = createLogger({ ...options, destination: { write: (line) => lines.push(line) } });
  return { logger, lines };
}

function only(lines: readonly string[]): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('createLogger', () => {
  it('writes one JSON object a line with level, time, message and fields', () => {
    const { logger, lines } = capture();
    logger.log('warn', 'upstream slow', { upstream: 'memory', ms: 12, ok: false, none: null });
    const line = only(lines);
    expect(line).toMatchObject({
      level: 'warn',
      msg: 'upstream slow',
      upstream: 'memory',
      ms: 12,
      ok: false,
    });
    expect(line['none']).toBeNull();
    expect(Number.isNaN(Date.parse(String(line['time'])))).toBe(false);
    expect(lines[0]?.endsWith('\n')).toBe(true);
  });

  it('drops lines below its level, and everything when silent', () => {
    const warn = capture({ level: 'warn' });
    warn.logger.log('info', 'no');
    warn.logger.log('error', 'yes');
    expect(only(warn.lines)['msg']).toBe('yes');
    const silent = capture({ level: 'silent' });
    silent.logger.log('error', 'no');
    expect(silent.lines).toEqual([]);
  });

  it('E16 replaces secrets by key name, however it is spelled and nested', () => {
    const { logger, lines } = capture();
    const canary = 'canary-7f3a';
    logger.log('info', 'secrets', {
      authorization: canary,
      'X-API-Key': canary,
      api_key: canary,
      nested: { accessToken: canary, list: [{ clientSecret: canary }] },
      headers: { Cookie: canary, 'set-cookie': [canary] },
      PASSWORD: { value: canary },
      mcpSessionId: canary,
      progressToken: 'shown',
    });
    expect(lines[0]).not.toContain(canary);
    expect(only(lines)).toMatchObject({ authorization: '[redacted]', progressToken: 'shown' });
  });

  it('E16 replaces credentials inside messages and values', () => {
    const { logger, lines } = capture();
    logger.log('info', 'sent Authorization: Bearer abcdef.123456-canary', {
      url: 'https://user:canary@example.com/x?access_token=canary&x=1',
      note: new URL('https://a:canary@example.com/'),
      jwt2: 'eyJhbGciOiJIUzI1NiJ9.canary.canary',
      error: new Error('failed with Basic dXNlcjpjYW5hcnk=', {
        cause: new Error('token=1&secret=x ?token=canary'),
      }),
    });
    expect(lines[0]).not.toContain('canary');
    expect(lines[0]).not.toContain('dXNlcjpjYW5hcnk');
    expect(lines[0]).toContain('x=1');
  });

  it('C11 keeps hostile text on one line and without control characters', () => {
    for (const format of ['json', 'pretty'] as const) {
      const { logger, lines } = capture({ format });
      logger.log('info', 'method a\r\n{"level":"error","msg":"forged"}\u001b[2J\u009b31m\u2028', {
        'key\n\u001b': 'v\u0000\u202e\u200b\u{e0041}',
        name: 'tab\there',
      });
      expect(lines).toHaveLength(1);
      expect(lines[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
    }
  });

  it('C09 takes __proto__ and prototype names as data', () => {
    const { logger, lines } = capture();
    logger.log(
      'info',
      'x',
      JSON.parse('{"__proto__":{"polluted":1},"constructor":2}') as Record<string, unknown>,
    );
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(lines[0]).toContain('"constructor":2');
  });

  it('bounds strings, depth, members and items', () => {
    const { logger, lines } = capture();
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    logger.log('info', 'm'.repeat(100_000), {
      long: 'x'.repeat(1_000_000),
      list: Array.from({ length: 10_000 }, (_, index) => index),
      wide: Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index])),
      cyclic,
      big: 10n ** 20n,
      bytes: new Uint8Array(10_000),
      nan: Number.NaN,
      fn: () => 1,
    });
    expect(lines[0]?.length).toBeLessThan(10_000);
    expect(only(lines)).toMatchObject({ big: '100000000000000000000', bytes: '[10000 bytes]', nan: 'NaN' });
  });

  it('does not let fields forge level, time or message', () => {
    const { logger, lines } = capture();
    logger.log('info', 'real', { level: 'error', msg: 'forged', time: 'never' });
    expect(only(lines)).toMatchObject({
      level: 'info',
      msg: 'real',
      _level: 'error',
      _msg: 'forged',
      _time: 'never',
    });
    expect(lines[0]?.match(/"level"/g)).toHaveLength(1);
  });

  it('survives getters that throw and errors with odd codes', () => {
    const { logger, lines } = capture();
    const hostile = {
      get broken(): never {
        throw new Error('no');
      },
    };
    logger.log('error', 'x', { hostile, error: Object.assign(new Error('boom'), { code: 'E_ODD' }) });
    expect(only(lines)).toMatchObject({
      hostile: { broken: '[unreadable]' },
      error: { code: 'E_ODD', message: 'boom' },
    });
  });

  it('writes a pretty line with key=value fields', () => {
    const { logger, lines } = capture({ format: 'pretty' });
    logger.log('error', 'it failed', { upstream: 'a', reason: 'two words', n: 1 });
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} ERROR it failed upstream=a reason="two words" n=1\n$/);
    const colored = capture({ format: 'pretty', color: true });
    colored.logger.log('warn', 'w');
    expect(colored.lines[0]).toContain('\u001b[33mWARN \u001b[0m');
  });
});
