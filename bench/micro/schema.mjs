/**
 * Validation against a 10-property schema: cached validator, compile each time with the cache's own checks (by a fresh
 * cache), and bare ajv compile each time. Prints microseconds; asserts nothing.
 *
 *   node bench/micro/schema.mjs
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createJiti } from 'jiti';

const jiti = createJiti(import.meta.url);
const { SchemaCache } = await jiti.import('../../src/protocol/schema/index.ts');

const schema = () => ({
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 100 },
    slug: { type: 'string', pattern: '^[a-z0-9-]{1,63}$' },
    email: { type: 'string', format: 'email' },
    count: { type: 'integer', minimum: 0, maximum: 1000 },
    ratio: { type: 'number', exclusiveMinimum: 0 },
    active: { type: 'boolean' },
    kind: { enum: ['alpha', 'beta', 'gamma'] },
    when: { type: 'string', format: 'date-time' },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 20 },
    address: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
  required: ['name', 'count'],
  additionalProperties: false,
});
const value = {
  name: 'Ada',
  slug: 'ada-lovelace',
  email: 'ada@example.com',
  count: 3,
  ratio: 0.5,
  active: true,
  kind: 'beta',
  when: '2026-01-31T12:00:00Z',
  tags: ['a', 'b', 'c'],
  address: { city: 'London' },
};

function measure(rounds, batch, run) {
  for (let i = 0; i < Math.min(rounds, 2_000); i += 1) run();
  const samples = [];
  for (let i = 0; i < rounds; i += 1) {
    const started = process.hrtime.bigint();
    for (let j = 0; j < batch; j += 1) run();
    samples.push(Number(process.hrtime.bigint() - started) / batch / 1_000);
  }
  samples.sort((a, b) => a - b);
  const at = (share) => samples[Math.floor(share * (samples.length - 1))];
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function print(name, { p50, p95, p99 }) {
  const cell = (number) => number.toFixed(3).padStart(11);
  console.log(`${name.padEnd(44)}${cell(p50)}${cell(p95)}${cell(p99)}`);
}

const cache = new SchemaCache();
const same = schema();
const validator = cache.compile(same);
const bad = { ...value, count: '3', nmae: 'x' };
const ajv = new Ajv2020({ strict: false, validateFormats: false });
const compiled = ajv.compile(schema());

console.log(`${'µs per validation, 10 properties'.padEnd(44)}        p50        p95        p99`);
const rows = {
  'validator, valid value': measure(20_000, 20, () => validator(value)),
  'bare ajv function (formats off)': measure(20_000, 20, () => compiled(value)),
  'cache look-up (same object) + validator': measure(20_000, 20, () => cache.compile(same)(value)),
  'cache look-up (fresh equal object) + validator': measure(5_000, 1, () => cache.compile(schema())(value)),
  'validator, refused value with all issues': measure(5_000, 5, () => validator(bad)),
  'compile each time (ferromcp)': measure(300, 1, () => new SchemaCache().compile(schema())(value)),
  'compile each time (new Ajv2020)': measure(200, 1, () =>
    new Ajv2020({ strict: false, validateFormats: false }).compile(schema())(value),
  ),
};
for (const [name, row] of Object.entries(rows)) print(name, row);
const saved =
  1 - rows['cache look-up (same object) + validator'].p95 / rows['compile each time (new Ajv2020)'].p95;
console.log(`\ncached p95 is ${(saved * 100).toFixed(2)} % below compile-each-time`);

console.log('\ncompilation by size');
for (const size of [10, 100, 300, 900]) {
  const wide = (salt) => ({
    type: 'object',
    properties: Object.fromEntries(
      Array.from({ length: size }, (_, i) => [
        `p${i}`,
        { type: i % 2 ? 'string' : 'integer', description: `${salt}` },
      ]),
    ),
    allOf: [{ title: `${salt}` }],
    minProperties: salt,
  });
  let salt = 0;
  const unlimited = new SchemaCache();
  print(
    `  ${size} properties`,
    measure(20, 1, () => {
      salt += 1;
      unlimited.compile(wide(salt));
    }),
  );
}
