import type { JsonObject } from '../core/json.ts';
import { isModernRevision, type Revision } from '../core/revisions.ts';
import type { LegacyCodec } from './eras/legacy/codec.ts';
import type { ModernCodec } from './eras/modern/codec.ts';
import { methodSpec } from './methods.ts';

/** Encodes a result for a revision without a running call: what is precomputed once for all callers. */
export class ResultEncoder {
  readonly #modern: ModernCodec;
  readonly #legacy: LegacyCodec;

  constructor(modern: ModernCodec, legacy: LegacyCodec) {
    this.#modern = modern;
    this.#legacy = legacy;
  }

  encode(method: string, result: JsonObject, revision: Revision): string {
    const spec = methodSpec(method);
    if (isModernRevision(revision) && spec !== undefined) return this.#modern.encode(spec, result);
    return isModernRevision(revision)
      ? JSON.stringify(result)
      : this.#legacy.encode(method, result, revision);
  }
}
