import { FerroError } from '../core/errors.ts';
import type { JsonValue } from '../core/json.ts';

/**
 * Values of `Mcp-Name` and `Mcp-Param-*` (2026-07-28, basic/transports/streamable-http, "Value Encoding"): plain ASCII
 * as it is, anything else as `=?base64?…?=` over the UTF-8 bytes.
 */
const PREFIX = '=?base64?';
const SUFFIX = '?=';
/** Printable ASCII, no space at either end; the empty string is a legal field value. */
const PLAIN = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/;
/** What may stand in a field value at all (RFC 9110, 5.5, without obs-text). */
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const DECIMAL = /^-?\d{1,17}(?:\.\d{1,17})?(?:[eE][+-]?\d{1,3})?$/;
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isSentinel(text: string): boolean {
  return text.length >= PREFIX.length + SUFFIX.length && text.startsWith(PREFIX) && text.endsWith(SUFFIX);
}

/**
 * Field value for a name, URI or tool parameter.
 * @throws FerroError `INVALID_PARAMS` for a number that is not a safe integer and for a string with a lone surrogate:
 * neither can be carried without change.
 */
export function encodeHeaderValue(value: string | number | boolean): string {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) {
      throw new FerroError('INVALID_PARAMS', {
        detail: 'a header parameter must be an integer within ±(2^53-1)',
      });
    }
    return String(value === 0 ? 0 : value);
  }
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (PLAIN.test(value) && !isSentinel(value)) return value;
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.toString('utf8') !== value) {
    throw new FerroError('INVALID_PARAMS', { detail: 'a header parameter has a lone surrogate' });
  }
  return `${PREFIX}${bytes.toString('base64')}${SUFFIX}`;
}

/**
 * The string a field value stands for. Field values reach this with optional white space already stripped.
 * @throws FerroError `HEADER_MISMATCH` for characters outside printable ASCII and tab, and for a sentinel whose content
 * is not canonical Base64 of valid UTF-8.
 */
export function decodeHeaderValue(text: string): string {
  if (!FIELD_VALUE.test(text))
    throw new FerroError('HEADER_MISMATCH', { detail: 'invalid character in the value' });
  if (!isSentinel(text)) return text;
  const encoded = text.slice(PREFIX.length, -SUFFIX.length);
  const bytes = Buffer.from(encoded, 'base64');
  // Re-encoding catches missing padding and stray trailing bits, which Node's decoder silently accepts.
  if (!BASE64.test(encoded) || bytes.toString('base64') !== encoded) {
    throw new FerroError('HEADER_MISMATCH', { detail: 'the value is not valid Base64' });
  }
  try {
    return DECODER.decode(bytes);
  } catch (cause) {
    throw new FerroError('HEADER_MISMATCH', { detail: 'the Base64 value is not valid UTF-8', cause });
  }
}

/**
 * True when a field value stands for the value in the body. Integers are compared as numbers (`42.0` equals `42`),
 * everything else as strings. Null and absent values have no header and never match.
 * @throws FerroError `HEADER_MISMATCH` when the field value is malformed.
 */
export function headerValueMatches(text: string, value: JsonValue | undefined): boolean {
  const decoded = decodeHeaderValue(text);
  if (typeof value === 'string') return decoded === value;
  if (typeof value === 'boolean') return decoded === (value ? 'true' : 'false');
  return typeof value === 'number' && DECIMAL.test(decoded) && Number(decoded) === value;
}
