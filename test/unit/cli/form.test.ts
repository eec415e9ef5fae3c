import { describe, expect, it } from 'vitest';
import type { FormField } from '../../../src/cli/form.ts';
import { checkField, completeAnswer, parseFieldText, readForm } from '../../../src/cli/form.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', title: 'Your name', minLength: 2, maxLength: 5 },
    mail: { type: 'string', format: 'email' },
    age: { type: 'integer', minimum: 18, maximum: 99 },
    ratio: { type: 'number' },
    sure: { type: 'boolean', default: true },
    color: { type: 'string', enum: ['red', 'blue'], enumNames: ['Red!', 'Blue!'], default: 'blue' },
    size: { type: 'string', oneOf: [{ const: 's', title: 'Small' }, { const: 'l' }] },
    pets: {
      type: 'array',
      minItems: 1,
      maxItems: 2,
      items: { type: 'string', enum: ['cat', 'dog', 'fish'] },
    },
    fish: { type: 'array', items: { anyOf: [{ const: 'f1', title: 'Koi' }] } },
    wrong: { type: 'integer', default: 'x' },
  },
  required: ['name'],
};

const fields = readForm(SCHEMA);
function field(name: string): FormField {
  const found = fields.find((item) => item.name === name);
  if (found === undefined) throw new Error(`no field ${name}`);
  return found;
}

describe('readForm', () => {
  it('reads every kind of field, its choices and its default', () => {
    expect(fields.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'name text',
      'mail text',
      'age integer',
      'ratio number',
      'sure boolean',
      'color choice',
      'size choice',
      'pets choices',
      'fish choices',
      'wrong integer',
    ]);
    expect(field('name')).toMatchObject({ label: 'Your name', required: true });
    expect(field('color')).toMatchObject({
      fallback: 'blue',
      options: [
        { value: 'red', label: 'Red!' },
        { value: 'blue', label: 'Blue!' },
      ],
    });
    expect(field('size').options).toEqual([
      { value: 's', label: 'Small' },
      { value: 'l', label: 'l' },
    ]);
    expect(field('fish').options).toEqual([{ value: 'f1', label: 'Koi' }]);
    // A default that does not fit its own field is no default.
    expect(field('wrong').fallback).toBeUndefined();
  });

  it.each([
    [{ properties: { a: { type: 'object' } } }, 'neither text'],
    [{ properties: { a: 1 } }, 'no schema'],
    [{ properties: { a: { type: 'array', items: {} } } }, 'no choices'],
    [{ properties: { a: { type: 'string', oneOf: [{ title: 'x' }] } } }, 'no value'],
    [
      {
        properties: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`f${i}`, { type: 'string' }])),
      },
      'more than 100',
    ],
    [
      { properties: { a: { type: 'string', enum: Array.from({ length: 1_001 }, (_, i) => `v${i}`) } } },
      'more than 1000',
    ],
  ])('refuses what is no form: %j', (schema, why) => {
    expect(() => readForm(schema)).toThrow(
      expect.objectContaining({ code: 'CLIENT_INPUT_FAILED', detail: expect.stringContaining(why) }),
    );
  });
});

describe('checkField', () => {
  it.each([
    ['name', 'Ada', undefined],
    ['name', 'A', 'at least 2'],
    ['name', '🙂🙂🙂🙂🙂', undefined],
    ['name', '123456', 'at most 5'],
    ['name', 7, 'must be text'],
    ['mail', 'a@b', undefined],
    ['mail', 'nobody', 'valid email'],
    ['age', 18, undefined],
    ['age', 17, 'at least 18'],
    ['age', 18.5, 'whole'],
    ['age', Number.NaN, 'number'],
    ['sure', 'yes', 'true or false'],
    ['color', 'green', 'one of the choices'],
    ['pets', [], 'at least 1'],
    ['pets', ['cat', 'dog', 'fish'], 'at most 2'],
    ['pets', ['cow'], 'list of the choices'],
    ['pets', ['cat'], undefined],
  ])('%s: %j', (name, value, problem) => {
    const found = checkField(field(name), value);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(problem);
  });
});

describe('parseFieldText', () => {
  it.each([
    ['age', '42', 42],
    ['ratio', '-0.5', -0.5],
    ['sure', 'No', false],
    ['sure', 'y', true],
    ['color', '1', 'red'],
    ['color', 'Blue!', 'blue'],
    ['color', 'green', 'green'],
    ['pets', '1, fish', ['cat', 'fish']],
    ['name', ' as typed ', ' as typed '],
  ])('%s: %j', (name, text, value) => {
    expect(parseFieldText(field(name), text)).toEqual(value);
  });
});

describe('completeAnswer', () => {
  it('keeps what was given and adds defaults', () => {
    expect(completeAnswer(fields, { name: 'Ada', age: 20 })).toEqual({
      name: 'Ada',
      age: 20,
      sure: true,
      color: 'blue',
    });
  });

  it.each([
    [{}, 'lacks name'],
    [{ name: 'Ada', nme: 'x' }, 'nme'],
    [{ name: 'Ada', age: 'old' }, 'age'],
    [JSON.parse('{"name":"Ada","__proto__":{"age":20}}') as Record<string, never>, '__proto__'],
  ])('C09 refuses %j', (answer, why) => {
    expect(() => completeAnswer(fields, answer)).toThrow(
      expect.objectContaining({ detail: expect.stringContaining(why) }),
    );
  });
});
