import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteParts } from '../../../src/core/byte-parts.ts';

/** Small pieces, which are copied together, and large ones, which are not. */
const piece = fc
  .tuple(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(1, 1, 1, 80))
  .map(([bytes, times]) => Buffer.concat(Array<Uint8Array>(times).fill(bytes)));

describe('bytes in parts', () => {
  it('read as if they were one, wherever they are cut', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.nat(), fc.nat(), (pieces, a, b) => {
        const parts = new ByteParts();
        for (const each of pieces) parts.append(each);
        const whole = Buffer.concat(pieces);
        expect(parts.length).toBe(whole.length);
        const [start, end] = [a % (whole.length + 1), b % (whole.length + 1)].sort((x, y) => x - y);
        const expected = whole.subarray(start, end);
        expect(Buffer.concat(parts.slice(start ?? 0, end ?? 0))).toEqual(expected);
        expect(parts.bytes(start ?? 0, end ?? 0)).toEqual(expected);
      }),
    );
  });

  it('large pieces are kept as they are, small ones share memory', () => {
    const parts = new ByteParts();
    const large = Buffer.alloc(4_096, 1);
    expect(parts.append(large)).toBe(large);
    for (let i = 0; i < 1_000; i += 1) parts.append(Buffer.from('ab'));
    const views = parts.slice(0, parts.length);
    expect(views).toHaveLength(2);
    expect(views[0]?.buffer).toBe(large.buffer);
    expect(parts.text(4_096, 4_100)).toBe('abab');
  });
});
