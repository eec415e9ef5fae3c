import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { argumentFailure } from '../../../src/features/tools/argument-schema/index.ts';
import { closest, MAX_ISSUES, SchemaCache } from '../../../src/protocol/schema/index.ts';

const cache = new SchemaCache();
const issues = (schema: Record<string, unknown>, data: unknown) =>
  cache.compile(schema as unknown as JsonObject)(data) ?? [];

describe('issues', () => {
  it('names path, expectation, given type and the nearest name or value', () => {
    const schema = {
      type: 'object',
      properties: {
        priority: { type: 'integer', minimum: 1 },
        order: { enum: ['ascending', 'descending'] },
        when: { type: 'string', format: 'date-time' },
        nested: { type: 'array', items: { type: 'object', properties: { 'a/b': { type: 'boolean' } } } },
      },
      required: ['priority'],
      additionalProperties: false,
    };
    expect(issues(schema, { priority: 0 })).toEqual([
      { path: '/priority', keyword: 'minimum', message: 'must be >= 1' },
    ]);
    expect(issues(schema, { priority: '3' })).toEqual([
      {
        path: '/priority',
        keyword: 'type',
        message: 'must be integer, got string',
        hint: 'send a JSON number, without quotes',
      },
    ]);
    const all = issues(schema, { pirority: 1, order: 'asending', when: 'now', nested: [{ 'a/b': 'true' }] });
    expect(Object.fromEntries(all.map((issue) => [issue.path, issue.hint]))).toEqual({
      '/priority': '"pirority" was given; the name is "priority"',
      '/pirority': 'did you mean "priority"?',
      '/order': 'did you mean "ascending"?',
      '/when': 'for example 2026-01-31T12:00:00Z',
      '/nested/0/a~1b': 'send true or false, without quotes',
    });
  });

  it.each([
    [{ type: 'object' }, '{"a":1}', 'send a JSON object, not its text'],
    [{ type: 'array' }, '[1]', 'send a JSON array, not its text'],
    [{ type: 'array' }, 1, 'put the value into an array'],
    [{ type: 'string' }, 1, 'put the value in quotes'],
    [{ type: 'integer' }, 1.5, 'send a whole number'],
  ])('%j for %j', (schema, data, hint) => {
    expect(issues(schema, data)[0]?.hint).toBe(hint);
  });

  const union = {
    $defs: {
      circle: {
        type: 'object',
        properties: { kind: { const: 'circle' }, radius: { type: 'number' } },
        required: ['kind', 'radius'],
      },
      square: {
        type: 'object',
        properties: { kind: { const: 'square' }, side: { type: 'number' } },
        required: ['kind', 'side'],
      },
    },
    anyOf: [{ $ref: '#/$defs/circle' }, { $ref: '#/$defs/square' }],
  };

  it('reports the branch of a union that was meant', () => {
    expect(issues(union, { kind: 'square', side: 'x' }).map((issue) => issue.path)).toEqual(['/side']);
    expect(issues(union, { kind: 'circle' }).map((issue) => issue.path)).toEqual(['/radius']);
  });

  it('lists the allowed discriminators, types and constants of a union', () => {
    expect(issues(union, { kind: 'sqare', side: 1 })).toEqual([
      {
        path: '/kind',
        keyword: 'anyOf',
        message: 'must be one of "circle", "square"',
        hint: 'did you mean "square"?',
      },
    ]);
    expect(issues(union, 5)).toEqual([
      { path: '', keyword: 'anyOf', message: 'must be object, got integer' },
    ]);
    expect(issues({ anyOf: [{ type: 'string' }, { type: 'null' }] }, 5)[0]?.message).toBe(
      'must be string or null, got integer',
    );
    expect(issues({ oneOf: [{ const: 'a' }, { enum: ['b', 'c'] }] }, 'd')[0]?.message).toBe(
      'must be one of "a", "b", "c", got string',
    );
    expect(issues({ oneOf: [{ type: 'integer' }, { minimum: 0 }] }, 1)[0]?.message).toBe(
      'matches more than one of the alternatives',
    );
  });

  it('is bounded in number and does not carry values', () => {
    const secret = 'sk-canary-1234567890';
    const found = issues(
      { items: { type: 'integer' } },
      Array.from({ length: 5_000 }, () => secret),
    );
    expect(found).toHaveLength(MAX_ISSUES);
    const strict = issues(
      { properties: { a: { const: 1, format: 'uri', pattern: '^x$', maxLength: 2, enum: [1] } } },
      { a: secret },
    );
    expect(strict.length).toBeGreaterThan(3);
    expect(JSON.stringify([found, strict])).not.toContain('canary');
  });

  it('still tells the first error when finding all takes too long', () => {
    const found = issues(
      { items: { anyOf: [{ type: 'integer' }, { type: 'null' }] } },
      Array.from({ length: 40_000 }, () => 'x'),
    );
    expect(found.length).toBeGreaterThan(0);
  });
});

describe('argumentFailure', () => {
  it('is an error result with text for a model and structure for a program', () => {
    const found = issues({ properties: { count: { type: 'integer' } }, required: ['name'] }, { count: '1' });
    expect(argumentFailure('search', found)).toEqual({
      isError: true,
      content: [
        {
          type: 'text',
          text: [
            'Invalid arguments for tool search:',
            '- /name: is required',
            '- /count: must be integer, got string — send a JSON number, without quotes',
          ].join('\n'),
        },
      ],
      _meta: { 'ferromcp/argumentIssues': { issues: found } },
    });
  });

  it('says when it lists only the first problems', () => {
    const found = issues(
      { items: { type: 'integer' } },
      Array.from({ length: 50 }, () => 'x'),
    );
    const [block] = argumentFailure('t', found).content;
    expect(block?.type === 'text' && block.text.split('\n')).toHaveLength(MAX_ISSUES + 2);
  });
});

describe('closest', () => {
  it('finds misspellings and leaves strangers alone', () => {
    expect(closest('fileName', ['file_name', 'files'])).toBe('file_name');
    expect(closest('qurey', ['query', 'limit'])).toBe('query');
    expect(closest('x', ['a', 'b'])).toBeUndefined();
    expect(closest('colour', ['limit'])).toBeUndefined();
    expect(closest('a'.repeat(10_000), ['a'.repeat(10_001)])).toBeUndefined();
  });
});
