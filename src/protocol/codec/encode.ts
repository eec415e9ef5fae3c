import { FerroError, isFerroError } from '../../core/errors.ts';

/**
 * JSON text of a value.
 *
 * `JSON.stringify` is exact except where it writes `null` for something else: `NaN`, the infinities, invalid dates, and
 * `undefined`, functions and symbols in arrays. Those must not reach a peer as data, so a text that has a `null` outside
 * of the obvious is checked against the value it came from; a text without one, the usual case, costs one search.
 * Members that are `undefined` or functions are left out, as `JSON.stringify` does.
 *
 * @throws FerroError `RESULT_INVALID` for what JSON cannot carry: the above, cycles, BigInt, nesting too deep for V8, a
 *   `toJSON` or getter that throws; `RESULT_TOO_LARGE` when the text exceeds V8's longest string.
 */
export function encodeJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    const tooLong = cause instanceof RangeError && cause.message.includes('string length');
    if (tooLong) throw new FerroError('RESULT_TOO_LARGE', { cause });
    throw new FerroError('RESULT_INVALID', { detail: reason(cause), cause });
  }
  if (text === undefined) throw new FerroError('RESULT_INVALID', { detail: `it is ${typeof value}` });
  if (hasNull(text)) refuseFalseNulls(value);
  return text;
}

function reason(cause: unknown): string {
  if (cause instanceof RangeError) return 'it is nested too deeply';
  // V8 names BigInt and circular structures in a TypeError; anything else comes from a toJSON or a getter.
  if (!(cause instanceof TypeError)) return 'it cannot be read';
  if (cause.message.includes('circular')) return 'it contains itself';
  return cause.message.includes('BigInt') ? 'it contains a BigInt' : 'it cannot be read';
}

/** True when a `null` may stand in the text; a string that has such a piece only makes the check run for nothing. */
function hasNull(text: string): boolean {
  // One search for most texts.
  if (!text.includes('null')) return false;
  return text === 'null' || text.includes(':null') || text.includes('[null') || text.includes(',null');
}

function refuseFalseNulls(root: unknown): void {
  try {
    const culprit = falseNull(root);
    if (culprit !== undefined) throw new FerroError('RESULT_INVALID', { detail: `it contains ${culprit}` });
  } catch (cause) {
    if (isFerroError(cause)) throw cause;
    throw new FerroError('RESULT_INVALID', { detail: 'it cannot be read', cause });
  }
}

/**
 * Name of the first value that was written as `null` and is none. Walks what `JSON.stringify` has just written, so it
 * ends: there are no cycles.
 */
function falseNull(root: unknown): string | undefined {
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const value = plainOf(pending.pop());
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) {
      for (const member of Object.values(value)) pending.push(member);
      continue;
    }
    for (const item of value) {
      if (item === undefined || typeof item === 'function' || typeof item === 'symbol')
        return `an array with ${typeof item}`;
      pending.push(item);
    }
  }
  return undefined;
}

/** What `JSON.stringify` sees in place of a value: the result of `toJSON`, the primitive in a wrapper. */
function plainOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return value.getTime();
  if (value instanceof Number) return value.valueOf();
  const toJson: unknown = Reflect.get(value, 'toJSON');
  return typeof toJson === 'function' ? Reflect.apply(toJson, value, ['']) : value;
}
