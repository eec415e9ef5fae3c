import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../src/core/json.ts';
import { digest, Sealer } from '../../../src/protocol/seal.ts';

const KEY = new Uint8Array(32).fill(7);
const sealer = new Sealer(KEY);
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);

describe('sealed values', () => {
  it('open for the purpose and the key they were sealed with, and for no other', () => {
    fc.assert(
      fc.property(json, fc.string(), fc.string(), (value, purpose, other) => {
        const sealed = sealer.seal(purpose, value);
        expect(sealed).toMatch(/^[\w-]+$/);
        expect(sealer.open(purpose, sealed)).toEqual(value);
        expect(new Sealer(KEY).open(purpose, sealed)).toEqual(value);
        if (other !== purpose) expect(sealer.open(other, sealed)).toBeUndefined();
        expect(new Sealer(new Uint8Array(32).fill(8)).open(purpose, sealed)).toBeUndefined();
        expect(new Sealer().open(purpose, sealed)).toBeUndefined();
      }),
    );
  });

  it('I07 with any byte changed, any end cut off or anything behind them do not open', () => {
    const sealed = Buffer.from(sealer.seal('p', { secret: 'value' }), 'base64url');
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const altered = Buffer.from(sealed);
        altered[at] = (altered[at] ?? 0) ^ change;
        expect(sealer.open('p', altered.toString('base64url'))).toBeUndefined();
        expect(sealer.open('p', sealed.subarray(0, at).toString('base64url'))).toBeUndefined();
        expect(
          sealer.open('p', Buffer.concat([sealed, altered.subarray(0, change)]).toString('base64url')),
        ).toBeUndefined();
      }),
    );
  });

  it('I07 have one spelling', () => {
    // A length at which the last character has bits to spare.
    for (const value of ['a', 'ab', 'abc']) {
      const sealed = sealer.seal('p', value);
      for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ ') {
        const spelt = sealed.slice(0, -1) + last;
        if (spelt !== sealed) expect(sealer.open('p', spelt)).toBeUndefined();
      }
      expect(sealer.open('p', `${sealed}=`)).toBeUndefined();
      expect(sealer.open('p', ` ${sealed}`)).toBeUndefined();
    }
  });

  it('I07 any other text does not open and does not throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.string({ unit: 'binary' })), (text) => {
        expect(sealer.open('p', text)).toBeUndefined();
      }),
    );
  });

  it('are never the same twice and show nothing', () => {
    const [first, second] = [sealer.seal('p', 'readable'), sealer.seal('p', 'readable')];
    expect(first).not.toBe(second);
    expect(Buffer.from(first, 'base64url').toString('latin1')).not.toContain('readable');
  });
});

it('digests tell texts apart and are stable', () => {
  expect(digest('a')).toBe(digest('a'));
  expect(digest('a')).not.toBe(digest('b'));
  expect(digest('')).toMatch(/^[\w-]{43}$/);
});
