import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEGACY_REVISIONS } from '../../../src/core/revisions.ts';
import type { Call } from '../../../src/protocol/call.ts';
import { jsCodec } from '../../../src/protocol/codec/index.ts';
import { LegacyCodec } from '../../../src/protocol/eras/legacy/codec.ts';
import { ModernCodec } from '../../../src/protocol/eras/modern/codec.ts';
import { ModernInputs } from '../../../src/protocol/eras/modern/input.ts';
import { TextResult } from '../../../src/protocol/handler.ts';
import { METHODS } from '../../../src/protocol/methods.ts';
import { Sealer } from '../../../src/protocol/seal.ts';

const check = (): boolean => true;
const legacy = new LegacyCodec(jsCodec, check);
const modern = new ModernCodec({
  identity: { serverInfo: { name: 'texts', version: '1.0.0' } },
  codec: jsCodec,
  hints: { ttlMs: 0, cacheScope: 'private' },
  inputs: new ModernInputs({ sealer: new Sealer(undefined), codec: jsCodec, check, now: Date.now }),
});
const spec = METHODS['tools/call'];
/** What the codecs read of a call. */
const call = (revision: string): Call => ({ method: 'tools/call', revision }) as unknown as Call;

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  fc.constantFrom('', ':null', '\ud800', '"\\\u2028\u0000'),
);

describe('a result that is one text', () => {
  it('is written byte for byte as the object it stands for', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const result = new TextResult(text);
        for (const revision of LEGACY_REVISIONS) {
          expect(legacy.encodeResult(call(revision), spec, result)).toBe(
            legacy.encodeResult(call(revision), spec, result.toJson()),
          );
        }
        expect(modern.encodeResult(call('2026-07-28'), spec, result)).toBe(
          modern.encodeResult(call('2026-07-28'), spec, result.toJson()),
        );
      }),
    );
  });
});
