import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, fitWidth, jsonText, table } from '../../../src/cli/terminal.ts';

describe('tables', () => {
  it('align columns and leave the last one free', () => {
    expect(
      table(
        [
          ['a', 'first'],
          ['long-name', 'second'],
        ],
        80,
      ),
    ).toBe('  a          first\n  long-name  second');
  });

  it('count wide characters twice and cut at the edge of the terminal', () => {
    expect(displayWidth('東京🙂e\u0301')).toBe(7);
    expect(
      table(
        [
          ['東京', 'x'],
          ['ab', 'y'],
        ],
        80,
      ),
    ).toBe('  東京  x\n  ab    y');
    expect(table([['a', 'b'.repeat(100)]], 20)).toBe(`  a  ${'b'.repeat(14)}…`);
    expect(fitWidth('東京都', 5)).toBe('東京…');
  });

  it('H08 keep hostile cells on their line', () => {
    expect(table([['a\u001b[31m', 'x\ny\u202e']], 80)).toBe('  a\\x1b[31m  x\\ny\\u202e');
  });
});

describe('jsonText', () => {
  it('H08 escapes what a terminal would obey, and stays the same document', () => {
    const value = { text: '\u001b[2J\u009b\u202e\u200b\u{e0041}\ud800 東京 🙂', list: [1, 'a\nb'] };
    const text = jsonText(value);
    expect(text).not.toMatch(/[\u202e\u200b\u{e0041}]|(?!\n)\p{Cc}/u);
    expect(text).toContain('東京 🙂');
    expect(JSON.parse(text)).toEqual(value);
  });

  it('is the same document for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(jsonText(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
