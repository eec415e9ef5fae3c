import { describe, expect, it } from 'vitest';
import { buildArguments, buildPromptArguments } from '../../../src/cli/arguments.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    text: { type: 'string' },
    count: { type: 'integer' },
    on: { type: 'boolean' },
    list: { type: 'array', items: { type: 'string' } },
    numbers: { type: 'array', items: { type: 'number' } },
    either: { type: ['string', 'number'] },
  },
};

describe('buildArguments', () => {
  it.each([
    [['text=5'], { text: '5' }],
    [['text={"a":1}'], { text: '{"a":1}' }],
    [['count=5'], { count: 5 }],
    [['count=five'], { count: 'five' }],
    [['on=true'], { on: true }],
    [['list=a', 'list=b'], { list: ['a', 'b'] }],
    [['list=["x"]'], { list: ['x'] }],
    [['list=1'], { list: ['1'] }],
    [['numbers=1', 'numbers=2'], { numbers: [1, 2] }],
    [['either=7'], { either: '7' }],
    [['unknown=7'], { unknown: 7 }],
    [['unknown=x'], { unknown: 'x' }],
    [['text:=5'], { text: 5 }],
    [['text=a=b'], { text: 'a=b' }],
    [['text='], { text: '' }],
  ])('%j', (pairs, expected) => {
    expect(buildArguments(undefined, pairs, SCHEMA)).toEqual(expected);
  });

  it('puts --arg over --args', () => {
    expect(buildArguments('{"a":1,"b":2}', ['b=3'], undefined)).toEqual({ a: 1, b: 3 });
  });

  it.each([
    ['{', []],
    ['[]', []],
    ['"x"', []],
    [undefined, ['novalue']],
    [undefined, ['=x']],
    [undefined, [':=1']],
    [undefined, ['a:={']],
    ['@/does/not/exist', []],
  ])('refuses --args %j with --arg %j', (args, pairs) => {
    expect(() => buildArguments(args, pairs, undefined)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('C09 takes __proto__ as an argument like any other', () => {
    const args = buildArguments('{"__proto__":{"x":1}}', ['constructor=1'], SCHEMA);
    expect(Object.getOwnPropertyNames(args)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(args)).toBe(Object.prototype);
    expect(JSON.stringify(args)).toBe('{"__proto__":{"x":1},"constructor":1}');
  });
});

describe('buildPromptArguments', () => {
  it('keeps everything as text', () => {
    expect(buildPromptArguments('{"a":"1"}', ['b=2', 'c=x=y'])).toEqual({ a: '1', b: '2', c: 'x=y' });
    expect(() => buildPromptArguments('{"a":1}', [])).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(() => buildPromptArguments(undefined, ['x'])).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
