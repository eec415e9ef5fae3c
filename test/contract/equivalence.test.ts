/** Both implementations on generated messages: the same status and the same words, and what V8 says of the same text. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fallback } from '../../src/native/fallback.ts';
import { STATUS_CODES } from '../../src/native/port.ts';
import { ADDON, limitWords, PORTS, wordsOf } from './ports.ts';

const RUNS = Number(process.env['FERROMCP_FUZZ_RUNS'] ?? 3_000);
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(strict.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** Spells some characters of a key or string as escapes. */
const spelled = (text: string): fc.Arbitrary<string> =>
  fc.array(fc.nat({ max: 6 }), { minLength: text.length, maxLength: text.length }).map((choices) => {
    const units = [...text].map((character, i) => {
      const code = character.charCodeAt(0).toString(16).padStart(4, '0');
      return choices[i] === 0 && character.length === 1
        ? `\\u${code}`
        : JSON.stringify(character).slice(1, -1);
    });
    return `"${units.join('')}"`;
  });

const KEYS = [
  'jsonrpc',
  'id',
  'method',
  'params',
  'result',
  'error',
  'name',
  'uri',
  '_meta',
  'arguments',
  'requestId',
  'progressToken',
  'io.modelcontextprotocol/protocolVersion',
  '',
  'a',
  'é',
  '😀',
  '__proto__',
];
const key = fc.constantFrom(...KEYS).chain(spelled);
const space = fc.constantFrom('', '', '', ' ', '\n', '\t\r');
const atom = fc.oneof(
  fc.constantFrom(
    '"2.0"',
    '"2\\u002e0"',
    'null',
    'true',
    'false',
    '0',
    '-0',
    '-',
    '01',
    '1.5',
    '1e3',
    '1E-7',
    '-12',
  ),
  fc.constantFrom(
    '""',
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"\\udc00\\ud800"',
    '"\\n"',
    '"\\u0000"',
    '"\u007f"',
    '"\\x"',
  ),
  fc.constantFrom(
    '9'.repeat(12),
    '9'.repeat(13),
    '1.00000000000',
    '1.',
    '"tools/call"',
    '"é€😀"',
    '"\ufffd"',
  ),
  fc.bigInt().map(String),
  fc.double().map(String),
  fc.string({ unit: 'binary', maxLength: 12 }).map((text) => JSON.stringify(text)),
);
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: 'medium' },
    atom,
    fc.array(tie('value'), { maxLength: 5 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(key, space, tie('value'), space), { maxLength: 6 })
      .map(
        (members) =>
          `{${members.map(([name, left, item, right]) => `${name}${left}:${item}${right}`).join(',')}}`,
      ),
  ),
}));
/** Mostly sound messages, so that the checks behind the grammar are reached. */
const member = (name: string, content: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.tuple(spelled(name), space, content).map(([k, s, v]) => `${k}:${s}${v}`) },
    { weight: 1, arbitrary: fc.tuple(key, value).map(([k, v]) => `${k}:${v}`) },
  );
const object = (members: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.shuffledSubarray(members, { minLength: 1 }).chain((some) => fc.tuple(...some)),
      space,
    )
    .map(([some, gap]) => `{${gap}${some.join(`${gap},`)}}`);
const meta = object([
  member('progressToken', atom),
  member('io.modelcontextprotocol/protocolVersion', atom),
  member('a', value),
]);
const params = object([
  member('name', atom),
  member('uri', atom),
  member('_meta', fc.oneof(meta, value)),
  member('arguments', value),
  member('requestId', atom),
]);
const message = object([
  member('jsonrpc', fc.constant('"2.0"')),
  member('method', fc.oneof(fc.constant('"m"'), atom)),
  member('id', atom),
  member('params', fc.oneof({ weight: 4, arbitrary: params }, { weight: 1, arbitrary: value })),
  member('x', value),
]);
const response = object([
  member('jsonrpc', fc.constant('"2.0"')),
  member('id', atom),
  fc.oneof(member('result', value), member('error', value)),
]);
const batch = fc.array(fc.oneof(message, value), { maxLength: 6 }).map((items) => `[${items.join(' ,')}]`);
const text = fc.oneof(
  { weight: 5, arbitrary: message },
  { weight: 2, arbitrary: response },
  { weight: 1, arbitrary: batch },
  { weight: 1, arbitrary: value },
);

interface Mutation {
  readonly at: number;
  readonly drop: number;
  readonly insert: Uint8Array;
}
const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ minLength: 0, maxLength: 3 }) },
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '\\',
        '\\u',
        '\\ud800',
        '0',
        '-',
        'e',
        '.',
        '\ufeff',
        '"id":1,',
        'null',
      )
      .map((piece) => Uint8Array.from(Buffer.from(piece))),
  },
);
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat({ max: 400 }),
  drop: fc.nat({ max: 3 }),
  insert: bytes,
});
const apply = (source: Buffer, { at, drop, insert }: Mutation): Buffer => {
  const cut = at % (source.length + 1);
  return Buffer.concat([source.subarray(0, cut), insert, source.subarray(cut + drop)]);
};
const mutated = fc
  .tuple(text, fc.array(mutation, { minLength: 1, maxLength: 3 }))
  .map(([source, changes]) => changes.reduce(apply, Buffer.from(source)));
const soup = fc
  .array(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      ' ',
      '"id"',
      '"jsonrpc":"2.0"',
      '"method":"m"',
      '1',
      '-',
      '.',
      'e',
      'é',
      'true',
      '\\u00',
      '\\ud83d',
      '\\ude00',
    ),
    { maxLength: 24 },
  )
  .map((pieces) => Buffer.from(pieces.join('')));
const noise = fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw));

const inputs = fc.oneof(
  { weight: 5, arbitrary: text.map((source) => Buffer.from(source)) },
  { weight: 5, arbitrary: mutated },
  { weight: 2, arbitrary: soup },
  { weight: 1, arbitrary: noise },
);
/** Tight enough that generated messages meet every limit. */
const tight = fc
  .record({
    jsonDepth: fc.integer({ min: 0, max: 6 }),
    jsonNodes: fc.integer({ min: 0, max: 30 }),
    jsonNumber: fc.integer({ min: 0, max: 13 }),
    idBytes: fc.integer({ min: 0, max: 8 }),
    methodBytes: fc.integer({ min: 0, max: 12 }),
    batchMessages: fc.integer({ min: 0, max: 4 }),
  })
  .map(limitWords);

describe.skipIf(ADDON === undefined)('Rust and TypeScript', () => {
  const both = (input: Uint8Array, limits: Uint32Array): void => {
    if (ADDON === undefined) throw new Error('skipped without the addon');
    expect(wordsOf(ADDON, input, limits)).toEqual(wordsOf(fallback, input, limits));
  };

  test('C01 agree on every word for generated messages', () => {
    fc.assert(
      fc.property(inputs, (input) => both(input, limitWords())),
      { numRuns: RUNS },
    );
  });

  test('C14 agree on every word under tight limits', () => {
    fc.assert(fc.property(inputs, tight, both), { numRuns: RUNS });
  });
});

describe.each(PORTS)('%s against V8', (_name, port) => {
  test('C01 C04 refuses as PARSE_* exactly what is not JSON in UTF-8', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const [status = 0] = wordsOf(port, input);
        const code = STATUS_CODES[status - 1] ?? 'accepted';
        // The one limit these texts can meet ends the scan before a later syntax error.
        if (code === 'JSON_NUMBER') return;
        expect(code.startsWith('PARSE_')).toBe(!isJson(input));
      }),
      { numRuns: RUNS },
    );
  });
});

test('the generators reach every verdict', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(inputs, tight, fc.boolean(), (input, limits, isTight) => {
      const [status = 0] = wordsOf(fallback, input, isTight ? limits : limitWords());
      seen.add(STATUS_CODES[status - 1] ?? 'accepted');
    }),
    { numRuns: 8_000, seed: 7 },
  );
  expect([...seen].sort()).toEqual([...STATUS_CODES, 'accepted'].sort());
});
