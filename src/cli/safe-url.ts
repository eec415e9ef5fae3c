/** Whether a URL a server wants the user to open may be shown as something to open. */
export type UrlVerdict =
  | { readonly ok: true; readonly href: string; readonly host: string; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly reason: string };

const MAX_URL = 2_048;

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Judges a URL of an elicitation (2026-07-28, client/elicitation, safe URL handling): https, or http on this machine;
 * no user information; nothing a URL parser would silently drop.
 */
export function judgeUrl(text: string): UrlVerdict {
  if (text.length > MAX_URL) return { ok: false, reason: `longer than ${MAX_URL} characters` };
  // URL parsers strip tabs and line breaks, which hides schemes such as "java<tab>script:".
  if (/[\p{Cc}\p{Zs}\p{Zl}\p{Zp}\p{Cf}\p{Cs}\\]/u.test(text)) {
    return { ok: false, reason: 'it has spaces, backslashes or control characters' };
  }
  if (!URL.canParse(text)) return { ok: false, reason: 'it is not a URL' };
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return { ok: false, reason: 'it carries user information' };
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    return { ok: false, reason: `its scheme is ${url.protocol.slice(0, -1)}, not https` };
  }
  const warnings: string[] = [];
  if (/(?:^|\.)xn--/.test(url.hostname)) {
    warnings.push(`The host ${url.hostname} has letters that may look like others.`);
  }
  if (/^\[|^\d+(?:\.\d+){3}$/.test(url.hostname) && !isLoopback(url.hostname)) {
    warnings.push('The host is a bare IP address.');
  }
  return { ok: true, href: url.href, host: url.host, warnings };
}
