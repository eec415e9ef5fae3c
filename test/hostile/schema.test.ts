import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isFerroError } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { type PreparedSchema, prepareArguments } from '../../src/features/tools/argument-schema/index.ts';
import { SchemaCache } from '../../src/protocol/schema/index.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isFerroError(error)) return error.code;
    throw error;
  }
  return 'none';
}

/**
 * A watchdog, not a measurement: what is tested here takes milliseconds when it works and from half a minute to
 * billions of years when it does not. CPU time, so that a busy machine does not count.
 */
const WATCHDOG_MS = 10_000;

function ends(run: () => unknown): void {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(WATCHDOG_MS);
}

describe('C17 hostile schemas', () => {
  let server: Server;
  let requests = 0;
  let port = 0;
  beforeAll(async () => {
    server = createServer((_request, response) => {
      requests += 1;
      response.end('{"type":"string"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  it('C17 $ref to http, https, file and link-local addresses -> SCHEMA_REF, nothing fetched', async () => {
    const cache = new SchemaCache();
    const targets = [
      `http://127.0.0.1:${port}/schema.json`,
      `//127.0.0.1:${port}/schema.json`,
      'https://example.com/schema.json#/definitions/a',
      'file:///etc/passwd',
      'http://169.254.169.254/latest/meta-data/',
      'data:application/json,{}',
      '../../etc/passwd',
    ];
    for (const target of targets) {
      for (const schema of [
        { $ref: target },
        { $dynamicRef: target },
        { $id: `http://127.0.0.1:${port}/`, properties: { a: { $ref: target } } },
        { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ $ref: target }] },
      ]) {
        expect([target, codeOf(() => cache.compile(schema))]).toEqual([target, 'SCHEMA_REF']);
      }
    }
    expect(codeOf(() => cache.compile({ $schema: `http://127.0.0.1:${port}/dialect` }))).toBe(
      'SCHEMA_DIALECT',
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(requests).toBe(0);
  });

  it('C17 unknown dialect -> SCHEMA_DIALECT that names it', () => {
    const cache = new SchemaCache();
    expect(() => cache.compile({ $schema: 'https://json-schema.org/draft/2019-09/schema' })).toThrow(
      /2019-09.*2020-12/,
    );
  });

  it('C17 10,000 anyOf branches, 10,000 levels, 10,000 references -> refused before compilation', () => {
    const cache = new SchemaCache();
    const wide = { anyOf: Array.from({ length: 10_000 }, (_, i) => ({ const: i })) };
    let deep: Record<string, unknown> = {};
    for (let i = 0; i < 10_000; i += 1) deep = { not: deep };
    const $defs = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, i) => [`d${i}`, { $ref: `#/$defs/d${i + 1}` }]),
    );
    for (const schema of [wide, deep, { $defs }]) {
      expect(codeOf(() => cache.compile(schema as unknown as JsonObject))).toBe('SCHEMA_BUDGET');
    }
    // Again, from the memory of the refusal where the text could be read at all.
    const spent = cache.stats().compileMs;
    expect(codeOf(() => cache.compile({ ...wide }))).toBe('SCHEMA_BUDGET');
    expect(cache.stats().compileMs).toBe(spent);
  });

  it('C17 references that never enter the instance -> SCHEMA_INVALID', () => {
    const cache = new SchemaCache();
    const loops = [
      { $ref: '#' },
      { $dynamicAnchor: 'a', $dynamicRef: '#a' },
      { $defs: { a: { $ref: '#/$defs/b' }, b: { allOf: [{ $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a' },
      { $dynamicAnchor: 'n', anyOf: [{ type: 'string' }, { if: { $dynamicRef: '#n' } }] },
      {
        $schema: 'http://json-schema.org/draft-07/schema#',
        definitions: { a: { not: { $ref: '#/definitions/a' } } },
        not: { $ref: '#/definitions/a' },
      },
    ];
    for (const schema of loops) expect(codeOf(() => cache.compile(schema))).toBe('SCHEMA_INVALID');
  });

  it('C17 recursive $defs and $dynamicRef end with the value', () => {
    const cache = new SchemaCache();
    const tree = {
      $dynamicAnchor: 'node',
      type: 'object',
      properties: { children: { type: 'array', items: { $dynamicRef: '#node' } } },
    };
    let value: unknown = 1;
    for (let i = 0; i < 30; i += 1) value = { children: [value] };
    expect(cache.compile(tree)(value)?.[0]?.keyword).toBe('type');
  });

  it('C17 references that multiply (2^40 applications) are refused by work, not by patience', () => {
    const cache = new SchemaCache();
    const $defs: Record<string, unknown> = { a40: { type: 'string' } };
    for (let i = 0; i < 40; i += 1) {
      $defs[`a${i}`] = { allOf: [{ $ref: `#/$defs/a${i + 1}` }, { $ref: `#/$defs/a${i + 1}` }] };
    }
    const validate = cache.compile({ $defs, $ref: '#/$defs/a0' } as unknown as JsonObject);
    let issues: unknown;
    ends(() => (issues = validate('x')));
    expect(issues).toMatchObject([{ keyword: 'budget' }]);
  });

  it('C17 recursion with overlapping branches (2^60 paths) ends', () => {
    const cache = new SchemaCache();
    const branch = (extra: string) => ({
      type: 'object',
      properties: { l: { $ref: '#' } },
      required: ['l', extra],
    });
    const validate = cache.compile({ anyOf: [branch('x'), branch('y'), { type: 'integer' }] });
    let value: unknown = 'wrong';
    for (let i = 0; i < 60; i += 1) value = { l: value, x: 1, y: 1 };
    ends(() => expect(validate(value)?.length).toBeGreaterThan(0));
  });

  it('C17 equal items and large enumerations against 50,000 items stay linear', () => {
    const cache = new SchemaCache();
    const unique = cache.compile({ uniqueItems: true });
    const listed = cache.compile({ items: { enum: Array.from({ length: 10_000 }, (_, i) => `v${i}`) } });
    const objects = Array.from({ length: 50_000 }, (_, i) => ({ a: i }));
    const names = Array.from({ length: 50_000 }, () => 'v9999');
    // Comparing all pairs takes 1.25 billion comparisons.
    ends(() => expect(unique(objects)).toBeUndefined());
    ends(() => expect(listed(names)).toBeUndefined());
  });

  it('C17 code cannot be smuggled through names', () => {
    const cache = new SchemaCache();
    const evil = '"];globalThis.pwned=1;//`$' + '{globalThis.pwned=1}`\u2028';
    const schema = {
      properties: { [evil]: { type: 'string', const: evil } },
      required: [evil],
      patternProperties: { 'globalThis\\.pwned=1': true },
      dependentRequired: { [evil]: [evil] },
      additionalProperties: false,
      title: evil,
      format: evil,
    };
    const validate = cache.compile(schema as unknown as JsonObject);
    expect(validate({ [evil]: evil })).toBeUndefined();
    expect(validate({ [`${evil}x`]: 1 })?.length).toBeGreaterThan(0);
    expect('pwned' in globalThis).toBe(false);
  });

  it('C09 __proto__ in schema and value changes no prototype', () => {
    const cache = new SchemaCache();
    const schema = JSON.parse(
      '{"properties":{"__proto__":{"type":"string"},"a":{"type":"string"}},"required":["__proto__"]}',
    );
    const validate = cache.compile(schema);
    expect(validate(JSON.parse('{"__proto__":{"polluted":1},"a":"x"}'))).toBeUndefined();
    expect(validate({ a: 'x' })).toHaveLength(1);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('C18 hostile patterns', () => {
  const attack = `${'a'.repeat(100_000)}!`;

  it.each([
    ['^(a+)+$'],
    ['^(a|a)*$'],
    ['(a|aa)+$'],
    ['^(([a-z])+.)+[A-Z]([a-z])+$'],
    ['(.*a){20}$'],
    ['^(a?){30}a{30}$'],
    ['\\s+$'],
    ['^\\w+\\d+x$'],
  ])('C18 %s runs in linear time', (pattern) => {
    const cache = new SchemaCache();
    const validate = cache.compile({ type: 'string', pattern });
    // Backtracking takes longer than the age of the universe on the first three, and minutes on the others.
    ends(() => validate(attack));
    ends(() => validate(' '.repeat(100_000)));
    ends(() => cache.compile({ patternProperties: { [pattern]: false } })({ [attack]: 1 }));
  });

  it('C18 the short attack that stops V8 for 20 s is answered at once', () => {
    const validate = new SchemaCache().compile({ pattern: '^(a+)+$' });
    validate('warm');
    ends(() => expect(validate(`${'a'.repeat(28)}!`)).toHaveLength(1));
  });

  it.each([['(a)\\1'], ['(?<=a)b'], ['x(?=y)'], ['((a{100}){100}){100}'], ['(?:a{1,999}){999}']])(
    'C18 %s cannot run in linear time -> SCHEMA_PATTERN',
    (pattern) => {
      const cache = new SchemaCache();
      expect(codeOf(() => cache.compile({ pattern }))).toBe('SCHEMA_PATTERN');
      expect(codeOf(() => cache.compile({ patternProperties: { [pattern]: true } }))).toBe('SCHEMA_PATTERN');
    },
  );

  it('C18 a large program on a long string is refused by work', () => {
    const validate = new SchemaCache().compile({ pattern: '(?:a|b)*a(?:a|b){900}$' });
    let text = '';
    for (let i = 0; text.length < 1_000_000; i += 1) text += (i * 7919) % 13 < 6 ? 'a' : 'b';
    ends(() => expect(validate(text)).toMatchObject([{ keyword: 'budget' }]));
  });

  it.each([
    ['date-time'],
    ['email'],
    ['uri'],
    ['uri-reference'],
    ['uri-template'],
    ['hostname'],
    ['ipv6'],
    ['duration'],
    ['json-pointer'],
    ['byte'],
    ['url'],
    ['regex'],
    ['uuid'],
  ])('C18 format %s runs in linear time', (format) => {
    const validate = new SchemaCache().compile({ format });
    const seeds = ['a', 'a.', 'a-', '@a', '/', '%20', 'http://a:', '{a}', '1:', '~0', ' ', '(a', 'P1Y', 'A='];
    for (const seed of seeds) ends(() => validate(`${seed.repeat(100_000)}\n!`));
  });
});

describe('alive', () => {
  it('C17 C18 a hostile registration is one coded error; the next tool works', () => {
    const cache = new SchemaCache();
    expect(
      codeOf(() => prepareArguments({ type: 'object', properties: { a: { pattern: '(a)\\1' } } }, cache)),
    ).toBe('SCHEMA_PATTERN');
    const good = prepareArguments({ type: 'object', required: ['a'] }, cache) as PreparedSchema;
    expect(good.check({ a: 1 })).toMatchObject({ ok: true });
  });
});
