import type { Envelope, JsonCodec } from '../../core/envelope.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';

/** The `params` of a scanned message, parsed; what stands around them is known from the scan. */
export function readParams(codec: JsonCodec, envelope: Envelope, bytes: Uint8Array): JsonObject {
  const span = envelope.params;
  if (span === undefined) return {};
  const params = codec.parse(bytes, span.start, span.end);
  return isJsonObject(params) ? params : {};
}
