import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { SchemaCache, type Validator } from '../../../src/protocol/schema/index.ts';

/**
 * The mandatory cases of JSON-Schema-Test-Suite (draft 2020-12 and draft-07). The suite is in no npm package of a usable
 * version, so this runs only where `JSON_SCHEMA_TEST_SUITE` names a checkout of it.
 */
const root = process.env['JSON_SCHEMA_TEST_SUITE'];

interface Group {
  readonly description: string;
  readonly schema: JsonObject | boolean;
  readonly tests: readonly {
    readonly description: string;
    readonly data: unknown;
    readonly valid: boolean;
  }[];
}

/** Groups that need documents from elsewhere, which are never fetched, or a dialect of their own. */
const ELSEWHERE = /localhost:1234|json-schema\.org\/draft|\.json"/;
/** Known deviations: file, or file and group. */
const DEVIATIONS: Readonly<Record<'draft2020-12' | 'draft7', readonly string[]>> = {
  'draft2020-12': [
    // Formats are checked, as tools expect; the dialect's default is to annotate only.
    'format.json',
    // ajv knows no property of that name under `properties`.
    'properties.json: properties whose names are Javascript object property names',
    // ajv does not count items found by `contains`, nor `if` without branches, as evaluated.
    'unevaluatedItems.json: unevaluatedItems with nested items',
    'unevaluatedItems.json: unevaluatedItems depends on adjacent contains',
    'unevaluatedItems.json: unevaluatedItems depends on multiple nested contains',
    'unevaluatedItems.json: unevaluatedItems and contains interact to control item dependency relationship',
    'unevaluatedItems.json: unevaluatedItems with minContains = 0',
    'unevaluatedItems.json: unevaluatedItems can see annotations from if without then and else',
    'unevaluatedProperties.json: unevaluatedProperties with if/then/else, then not defined',
    'unevaluatedProperties.json: unevaluatedProperties can see annotations from if without then and else',
  ],
  draft7: ['properties.json: properties whose names are Javascript object property names'],
};
const DIALECTS = {
  'draft2020-12': 'https://json-schema.org/draft/2020-12/schema',
  draft7: 'http://json-schema.org/draft-07/schema#',
} as const;

function refersElsewhere(schema: JsonObject | boolean): boolean {
  if (typeof schema === 'boolean') return false;
  const { $schema, ...rest } = schema;
  const own = Object.values(DIALECTS).some((dialect) => dialect === $schema);
  return ($schema !== undefined && !own) || ELSEWHERE.test(JSON.stringify(rest));
}

describe.skipIf(root === undefined)('JSON-Schema-Test-Suite', () => {
  for (const draft of ['draft2020-12', 'draft7'] as const) {
    const folder = join(root ?? '', 'tests', draft);
    const files = root === undefined ? [] : readdirSync(folder).filter((name) => name.endsWith('.json'));
    it.each(files)(`${draft} %s`, (file) => {
      const cache = new SchemaCache();
      const wrong: string[] = [];
      const excused = DEVIATIONS[draft];
      for (const group of JSON.parse(readFileSync(join(folder, file), 'utf8')) as readonly Group[]) {
        if (excused.includes(file) || excused.includes(`${file}: ${group.description}`)) continue;
        const schema =
          typeof group.schema === 'boolean' ? group.schema : { $schema: DIALECTS[draft], ...group.schema };
        let validate: Validator;
        try {
          validate = cache.compile(schema);
        } catch (error) {
          if (!refersElsewhere(schema)) wrong.push(`${group.description}: ${String(error)}`);
          continue;
        }
        for (const test of group.tests) {
          const valid = validate(test.data) === undefined;
          if (valid !== test.valid) wrong.push(`${group.description}: ${test.description}`);
        }
      }
      expect(wrong).toEqual([]);
    });
  }
});
