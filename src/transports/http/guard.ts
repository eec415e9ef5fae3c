import type { ErrorCode } from '../../core/errors.ts';

/** Who may talk to a listener (protection against DNS rebinding; 2026-07-28, Streamable HTTP, Security). */
export interface AccessPolicy {
  /** Host names (without port) that `Host` may carry; undefined = any. */
  readonly hosts: ReadonlySet<string> | undefined;
  /** Serialised origins that `Origin` may carry; a request without `Origin` is not from a browser. */
  readonly origins: ReadonlySet<string>;
  /** Also accept any http(s) origin on a loopback name. */
  readonly loopbackOrigins: boolean;
  readonly headerLines: number;
}

export const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;
const PORT = /^\d{1,5}$/;

/** Fields that decide something and so must not be ambiguous, each with a bit to remember it by. */
const SINGLE = [
  'host',
  'origin',
  'authorization',
  'content-type',
  'content-length',
  'content-encoding',
  'mcp-protocol-version',
  'mcp-session-id',
  'mcp-method',
  'mcp-name',
  'last-event-id',
];
/** Fields that decide nothing here and come with most requests. */
const COMMON = ['accept', 'accept-encoding', 'accept-language', 'connection', 'sec-fetch-mode', 'user-agent'];

interface Field {
  readonly name: string;
  /** 0 = may come more than once. */
  readonly bit: number;
}

/** By the spellings clients use, so that most names need not be folded first. */
const FIELDS: ReadonlyMap<string, Field> = new Map(
  [...SINGLE, ...COMMON].flatMap((name, index) => {
    const field = { name, bit: index < SINGLE.length ? 1 << index : 0 };
    return [name, capitalised(name), capitalised(name).replace('Mcp-', 'MCP-')].map((each) => [each, field]);
  }),
);
/** All fields of the protocol decide something; those without a bit (`Mcp-Param-*`) are rare. */
const PROTOCOL = 'mcp-';

function capitalised(name: string): string {
  return name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/**
 * Judges a request by its raw header lines, before anything reads the parsed ones: Node joins or drops repeated and
 * surplus headers. Returns the error, or undefined when the request may go on.
 */
export function refuseRequest(
  rawHeaders: readonly string[],
  target: string,
  policy: AccessPolicy,
): ErrorCode | undefined {
  if (rawHeaders.length > policy.headerLines * 2) return 'HTTP_HEADERS_TOO_MANY';
  let host: string | undefined;
  let origin: string | undefined;
  let seen = 0;
  let others: Set<string> | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const spelling = rawHeaders[i] ?? '';
    const field = FIELDS.get(spelling) ?? FIELDS.get(spelling.toLowerCase());
    if (field !== undefined) {
      const { name, bit } = field;
      if ((seen & bit) !== 0) return 'HTTP_HEADER_DUPLICATE';
      seen |= bit;
      if (name === 'host') host = rawHeaders[i + 1] ?? '';
      else if (name === 'origin') origin = rawHeaders[i + 1] ?? '';
      continue;
    }
    const name = spelling.toLowerCase();
    if (name.startsWith(PROTOCOL)) {
      others ??= new Set();
      if (others.has(name)) return 'HTTP_HEADER_DUPLICATE';
      others.add(name);
    }
  }
  if (host === undefined) return 'HTTP_TARGET';
  if (!target.startsWith('/') && absoluteHost(target) !== host.toLowerCase()) return 'HTTP_TARGET';
  if (policy.hosts !== undefined && !policy.hosts.has(hostName(host) ?? '')) return 'HOST_REFUSED';
  if (origin !== undefined && !originAllowed(origin, policy)) return 'ORIGIN_REFUSED';
  return undefined;
}

function originAllowed(origin: string, policy: AccessPolicy): boolean {
  return policy.origins.has(origin) || (policy.loopbackOrigins && LOOPBACK_ORIGIN.test(origin));
}

/** The name in a `Host` value, lower case, compared as text: no resolution, no normalisation. */
function hostName(host: string): string | undefined {
  const colon = host.startsWith('[') ? host.indexOf(':', host.indexOf(']')) : host.indexOf(':');
  if (colon < 0) return host.toLowerCase();
  return PORT.test(host.slice(colon + 1)) ? host.slice(0, colon).toLowerCase() : undefined;
}

function absoluteHost(target: string): string | undefined {
  const match = /^https?:\/\/([^/?#@]+)(?:[/?#]|$)/i.exec(target);
  return match?.[1]?.toLowerCase();
}
