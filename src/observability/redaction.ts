import { boundText, safeLine } from './safe-text.ts';

/** What stands in place of a secret. */
export const REDACTED = '[redacted]';

/** Bounds of what one log line may carry. */
export interface RedactionBounds {
  /** UTF-16 units of one string. */
  readonly stringLength: number;
  /** Levels of nested objects and arrays. */
  readonly depth: number;
  /** Members of one object, items of one array. */
  readonly entries: number;
}

export const DEFAULT_BOUNDS: RedactionBounds = { stringLength: 2_048, depth: 4, entries: 64 };

const SECRET_KEYS = [
  'authorization',
  'token',
  'secret',
  'password',
  'passwd',
  'passphrase',
  'pwd',
  'apikey',
  'accesskey',
  'privatekey',
  'signingkey',
  'credential',
  'cookie',
  'jwt',
  'assertion',
  'codeverifier',
  'sessionid',
  'requeststate',
] as const;

/** Keys that name a secret but hold none. */
const HARMLESS_KEYS: ReadonlySet<string> = new Set(['progresstoken', 'tokens', 'maxtokens', 'tokencount']);

/** True when a value under this key must never be shown, however the key is spelled (`API-Key`, `api_key`, `apiKey`). */
export function isSecretKey(key: string): boolean {
  const plain = key.toLowerCase().replace(/[^a-z0-9]/g, '');
  return !HARMLESS_KEYS.has(plain) && SECRET_KEYS.some((word) => plain.includes(word));
}

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // Credentials of an HTTP scheme wherever they are quoted.
  [/\b(Bearer|Basic|DPoP|Digest)(\s+)[A-Za-z0-9._~+/=:-]{6,}/gi, `$1$2${REDACTED}`],
  // User information of a URL.
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#@]{1,512}@/gi, `$1${REDACTED}@`],
  // Query and form parameters that name a secret.
  [
    /([?&;](?:[a-z0-9_.-]{0,40})(?:token|secret|password|api[_-]?key|code|signature|sig)=)[^\s&#;]+/gi,
    `$1${REDACTED}`,
  ],
  // JSON web tokens on their own.
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g, REDACTED],
];

/** Replaces credentials that stand inside a text. */
export function redactText(text: string): string {
  let out = text;
  for (const [pattern, replacement] of PATTERNS) out = out.replace(pattern, replacement);
  return out;
}

/** A text as a log line may show it: bounded, without credentials, without control characters. */
export function loggableText(text: string, bounds: RedactionBounds = DEFAULT_BOUNDS): string {
  // Cut before matching, so that the work is bounded whatever the input; twice the length keeps a credential at the
  // cut recognisable.
  return boundText(safeLine(redactText(text.slice(0, bounds.stringLength * 2))), bounds.stringLength);
}

function describeError(error: Error, bounds: RedactionBounds, depth: number): Record<string, unknown> {
  const code: unknown = Reflect.get(error, 'code');
  const out: Record<string, unknown> = {
    name: loggableText(error.name, bounds),
    message: loggableText(error.message, bounds),
  };
  if (typeof code === 'string' || typeof code === 'number') out['code'] = redactValue(code, bounds, depth);
  if (error.cause !== undefined && depth > 0) out['cause'] = redactValue(error.cause, bounds, depth - 1);
  return out;
}

function redactObject(value: object, bounds: RedactionBounds, depth: number): unknown {
  if (value instanceof Error) return describeError(value, bounds, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof URL) return loggableText(value.href, bounds);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth <= 0) return Array.isArray(value) ? `[${value.length} items]` : '[object]';
  if (Array.isArray(value)) {
    const items = value.slice(0, bounds.entries).map((item) => redactValue(item, bounds, depth - 1));
    if (value.length > bounds.entries) items.push(`… ${value.length - bounds.entries} more`);
    return items;
  }
  return redactFields(value as Readonly<Record<string, unknown>>, bounds, depth);
}

function redactValue(value: unknown, bounds: RedactionBounds, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return loggableText(value, bounds);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return boundText(value.toString(), bounds.stringLength);
    case 'boolean':
    case 'undefined':
      return value;
    case 'symbol':
    case 'function':
      return `[${typeof value}]`;
    case 'object':
      if (value === null) return null;
      try {
        return redactObject(value, bounds, depth);
      } catch {
        // A proxy, a getter that throws, an error whose message is no text.
        return '[unreadable]';
      }
  }
}

/** The fields of a log line: secrets replaced by key and by pattern, values bounded, text made harmless. */
export function redactFields(
  fields: Readonly<Record<string, unknown>>,
  bounds: RedactionBounds = DEFAULT_BOUNDS,
  depth: number = bounds.depth,
): Record<string, unknown> {
  // Without a prototype, so that a key `__proto__` stays data.
  const out: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const keys = Object.keys(fields);
  for (const key of keys.slice(0, bounds.entries)) {
    const name = loggableText(key, { ...bounds, stringLength: 128 });
    let value: unknown;
    try {
      value = fields[key];
    } catch {
      value = '[unreadable]';
    }
    if (value === undefined) continue;
    out[name] = isSecretKey(key) ? REDACTED : redactValue(value, bounds, depth - 1);
  }
  if (keys.length > bounds.entries) out['…'] = `${keys.length - bounds.entries} more`;
  return out;
}
