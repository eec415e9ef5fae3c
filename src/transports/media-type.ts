/** Longest header that is read. */
const MAX_LENGTH = 1_024;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(
  `^[ \\t]*(${TOKEN})=(?:(${TOKEN})|"([^"\\\\\\x00-\\x08\\x0a-\\x1f\\x7f]*)")[ \\t]*$`,
);
const ESSENCE = new RegExp(`^[ \\t]*(${TOKEN}/${TOKEN})[ \\t]*$`);

/**
 * The `type/subtype` of a Content-Type in lower case, or undefined when it is malformed, repeated or not in UTF-8.
 * Parsed by the grammar of RFC 9110, 8.3.1: a prefix comparison would accept `application/jsonx`.
 */
export function mediaType(header: string | string[] | undefined): string | undefined {
  if (header === 'application/json') return header;
  if (typeof header !== 'string' || header.length > MAX_LENGTH) return undefined;
  const [first = '', ...parameters] = header.split(';');
  const essence = ESSENCE.exec(first)?.[1];
  if (essence === undefined) {
    return undefined;
  }
  for (const parameter of parameters) {
    if (parameter.trim() === '') {
      continue;
    }
    const match = PARAMETER.exec(parameter);
    if (match === null) {
      return undefined;
    }
    const value = match[2] ?? match[3] ?? '';
    if (match[1]?.toLowerCase() === 'charset' && !/^utf-?8$/i.test(value)) {
      return undefined;
    }
  }
  return essence.toLowerCase();
}
