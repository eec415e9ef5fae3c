import { describe, expect, it } from 'vitest';
import { judgeUrl } from '../../../src/cli/safe-url.ts';

describe('judgeUrl', () => {
  it('accepts https anywhere and http on this machine, and names the host', () => {
    expect(judgeUrl('https://example.com/auth?x=1')).toMatchObject({
      ok: true,
      host: 'example.com',
      warnings: [],
    });
    expect(judgeUrl('http://127.0.0.1:3000/x')).toMatchObject({ ok: true, host: '127.0.0.1:3000' });
    expect(judgeUrl('http://[::1]:3000/x')).toMatchObject({ ok: true });
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'vbscript:x',
    'java\tscript:alert(1)',
    'java\nscript:alert(1)',
    ' https://example.com',
    'https://example.com\\@evil.com',
    'http://example.com/plain',
    'http://localhost.evil.com/',
    'ftp://example.com/',
    'not a url',
    'https://exa\u200bmple.com/',
  ])('H01 refuses %j', (text) => {
    expect(judgeUrl(text)).toMatchObject({ ok: false });
  });

  it('H02 refuses user information and long URLs, and warns of look-alike letters', () => {
    expect(judgeUrl('https://bank.com@evil.com/')).toMatchObject({
      ok: false,
      reason: expect.stringContaining('user'),
    });
    expect(judgeUrl('https://:secret@evil.com/')).toMatchObject({ ok: false });
    expect(judgeUrl(`https://example.com/${'a'.repeat(10_000)}`)).toMatchObject({ ok: false });
    expect(judgeUrl('https://аpple.com/')).toMatchObject({
      ok: true,
      host: 'xn--pple-43d.com',
      warnings: [expect.stringContaining('xn--pple-43d.com')],
    });
  });
});
