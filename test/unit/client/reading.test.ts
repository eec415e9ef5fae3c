import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_PEER_DEPTH, parseMessages, readMessages } from '../../../src/client/message.ts';
import { LineReader } from '../../../src/transports/line-reader.ts';
import { mediaType } from '../../../src/transports/media-type.ts';
import { childEnvironment } from '../../../src/transports/process/environment.ts';
import { OutputRing } from '../../../src/transports/process/output-ring.ts';

function linesOf(
  input: Buffer,
  cuts: readonly number[],
  limit = 1_000,
): { lines: string[]; overflows: number } {
  const lines: string[] = [];
  let overflows = 0;
  const reader = new LineReader(
    limit,
    (line) => lines.push(line.toString()),
    () => {
      overflows += 1;
    },
  );
  let start = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    reader.push(input.subarray(start, Math.max(start, cut)));
    start = Math.max(start, cut);
  }
  reader.push(input.subarray(start));
  reader.end();
  return { lines, overflows };
}

describe('lines', () => {
  it('D17 do not depend on how the bytes are cut', () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 40 })
      .map((text) => text.replaceAll(/[\r\n]/g, ' '));
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 8 }),
        fc.array(fc.nat(200), { maxLength: 12 }),
        fc.boolean(),
        (lines, cuts, crlf) => {
          const input = Buffer.from(lines.map((text) => `${text}${crlf ? '\r\n' : '\n'}`).join(''));
          const at = cuts.filter((cut) => cut <= input.length);
          expect(linesOf(input, at)).toEqual({ lines: input.length === 0 ? [] : lines, overflows: 0 });
        },
      ),
    );
  });

  it('K01 the limit holds at N and N + 1 however they are cut', () => {
    for (const cuts of [[], [1], [5, 9], [10]]) {
      expect(linesOf(Buffer.from(`${'x'.repeat(10)}\nok\n`), cuts, 10)).toEqual({
        lines: ['x'.repeat(10), 'ok'],
        overflows: 0,
      });
      expect(linesOf(Buffer.from(`a\n${'x'.repeat(11)}\nok\n`), cuts, 10)).toEqual({
        lines: ['a', 'ok'],
        overflows: 1,
      });
    }
  });

  it('D17 half a line before the end is a line', () => {
    expect(linesOf(Buffer.from('a\nb'), [])).toEqual({ lines: ['a', 'b'], overflows: 0 });
  });
});

describe('messages', () => {
  it.each([
    '{"jsonrpc":"2.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":"a","error":{"code":1,"message":""}}',
    '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}',
    '{"jsonrpc":"2.0","error":{"code":1,"message":""}}',
    '{"jsonrpc":"2.0","id":0,"method":"x"}',
    '{"jsonrpc":"2.0","method":"x","params":{}}',
    '[{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","method":"y"}]',
  ])('%s is one', (text) => {
    expect(parseMessages(text)?.length).toBeGreaterThan(0);
  });

  it.each([
    '',
    'null',
    '42',
    '"x"',
    '[]',
    '{}',
    '[[]]',
    '{"jsonrpc":"2.0"',
    '{"id":1,"result":{}}',
    '{"jsonrpc":"1.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","result":{}}',
    '{"jsonrpc":"2.0","id":1.5,"method":"x"}',
    '{"jsonrpc":"2.0","id":9007199254740993,"method":"x"}',
    '{"jsonrpc":"2.0","id":{},"method":"x"}',
    '{"jsonrpc":"2.0","id":1,"method":7}',
    '{"jsonrpc":"2.0","method":"x","params":[]}',
    '{"jsonrpc":"2.0","id":1,"error":7}',
    '[{"jsonrpc":"2.0","method":"x"},7]',
  ])('C11 %s is none', (text) => {
    expect(parseMessages(text)).toBeUndefined();
  });

  it('C04 invalid UTF-8 is none', () => {
    const bytes = Buffer.from('{"jsonrpc":"2.0","method":"x\u00e9"}', 'latin1');
    expect(readMessages(bytes)).toBeUndefined();
  });

  it('C02 nesting is bounded at N and N + 1', () => {
    const nested = (depth: number): string =>
      `{"jsonrpc":"2.0","method":"x","params":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
    expect(parseMessages(nested(MAX_PEER_DEPTH - 2))).toHaveLength(1);
    expect(parseMessages(nested(MAX_PEER_DEPTH))).toBeUndefined();
    expect(parseMessages(nested(100_000))).toBeUndefined();
  });

  it('C13 a batch over the limit is none', () => {
    const batch = (size: number): string =>
      `[${Array(size).fill('{"jsonrpc":"2.0","method":"x"}').join(',')}]`;
    expect(parseMessages(batch(100))).toHaveLength(100);
    expect(parseMessages(batch(101))).toBeUndefined();
  });
});

describe('media types', () => {
  it.each([
    ['application/json', 'application/json'],
    ['Application/JSON; charset=UTF-8', 'application/json'],
    ['application/json;', 'application/json'],
    ['text/event-stream; charset="utf-8"; x=y', 'text/event-stream'],
    ['application/json; charset=utf-16', undefined],
    ['application/json; charset', undefined],
    ['application', undefined],
    ['application/json, text/html', undefined],
    ['', undefined],
    [undefined, undefined],
    [['application/json', 'text/html'], undefined],
  ])('%j is %j', (header, expected) => {
    expect(mediaType(header)).toBe(expected);
  });
});

describe('K10 the environment of a child', () => {
  it('is an allow-list plus what is configured', () => {
    const parent = {
      PATH: '/bin',
      LC_ALL: 'C',
      XDG_CACHE_HOME: '/c',
      LD_PRELOAD: 'x',
      AWS_SECRET: 'x',
      HOME: '() { :; }',
    };
    expect(childEnvironment({ A: '1', LC_ALL: undefined }, parent, 'linux')).toEqual({
      PATH: '/bin',
      XDG_CACHE_HOME: '/c',
      A: '1',
    });
  });

  it('knows that names on Windows have no case', () => {
    expect(childEnvironment({}, { Path: 'p', SystemRoot: 's', NODE_OPTIONS: 'x' }, 'win32')).toEqual({
      Path: 'p',
      SystemRoot: 's',
    });
  });

  it('takes a name that looks like a prototype for a name', () => {
    const configured = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    expect(Object.entries(childEnvironment(configured, {}))).toEqual([['__proto__', 'x']]);
  });
});

describe('the end of an output', () => {
  it('is what was written last, whole characters only', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { maxLength: 30 }), (parts) => {
        const ring = new OutputRing(64);
        for (const part of parts) {
          ring.push(Buffer.from(part));
        }
        const all = parts.join('');
        expect(ring.total).toBe(Buffer.byteLength(all));
        expect(all.endsWith(ring.text())).toBe(true);
        expect(Buffer.byteLength(ring.text())).toBeGreaterThan(Math.min(64, ring.total) - 4);
        expect(Buffer.byteLength(ring.text())).toBeLessThanOrEqual(64);
      }),
    );
  });
});
