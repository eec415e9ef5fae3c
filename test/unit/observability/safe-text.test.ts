import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundText, safeLine, safeText } from '../../../src/observability/safe-text.ts';

describe('safe text', () => {
  it('H08 shows escape sequences, bidi, zero-width and tag characters as escapes', () => {
    expect(safeLine('\u001b]8;;http://evil\u0007link')).toBe('\\x1b]8;;http://evil\\x07link');
    expect(safeLine('a\u202eb\u200bc\u{e0041}d\ufeff')).toBe('a\\u202eb\\u200bc\\u{e0041}d\\ufeff');
    expect(safeLine('\u009b31m')).toBe('\\x9b31m');
    expect(safeLine('lone \ud800 surrogate')).toBe('lone \\ud800 surrogate');
  });

  it('leaves ordinary text of any script alone', () => {
    for (const text of ['plain', '⚠️ Grüße, 東京, שלום, 🙂', 'tab-free "quotes" \\ ok'])
      expect(safeLine(text)).toBe(text);
  });

  it('safeText keeps line breaks and nothing else', () => {
    expect(safeText('a\r\nb\n\tc\rd')).toBe('a\nb\n  c\\rd');
  });

  it('H08 never lets a control character through, whatever the input', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u206f]/u;
        return !unsafe.test(safeLine(text)) && !unsafe.test(safeText(text).replaceAll('\n', ''));
      }),
    );
  });

  it('cuts long text without splitting a character', () => {
    expect(boundText('abcdef', 6)).toBe('abcdef');
    expect(boundText('abcdefg', 6)).toBe('abcde…');
    expect(boundText('abcd🙂🙂🙂', 6)).toBe('abcd…');
  });
});
