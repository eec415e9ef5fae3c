/** Every feature through the gateway, in every pairing of eras, over HTTP and stdio; and the page that says so. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, killLeftovers, ROOT } from './cli-process.ts';
import {
  CHANGE_FEATURES,
  PROMPT_FEATURES,
  RESOURCE_FEATURES,
  SERVER_FEATURES,
} from './crossing/data-features.ts';
import { crossingPage, Findings } from './crossing/document.ts';
import { INPUT_FEATURES } from './crossing/input-features.ts';
import { type Crossing, PAIRINGS, Surroundings, WIRINGS } from './crossing/pairing.ts';
import { CALL_FEATURES, TOOL_FEATURES } from './crossing/tool-features.ts';

const GROUPS = [
  TOOL_FEATURES,
  CALL_FEATURES,
  INPUT_FEATURES,
  RESOURCE_FEATURES,
  PROMPT_FEATURES,
  SERVER_FEATURES,
  CHANGE_FEATURES,
];
const ROWS = GROUPS.flatMap(({ title, features }) =>
  features.map(({ name, check }) => ({ row: `${title}: ${name}`, check })),
);
const PAGE = join(ROOT, 'docs', 'gateway', 'what-crosses.md');

const surroundings = new Surroundings();
const findings = new Findings();

beforeAll(async () => {
  await ensureBuilt();
  await surroundings.start();
}, 120_000);

afterAll(async () => {
  await surroundings.close();
  killLeftovers();
});

describe.each(PAIRINGS)('$down client, $up upstream', (pairing) => {
  describe.each(WIRINGS)('over %s', (wiring) => {
    let crossing: Crossing;
    beforeAll(async () => {
      crossing = await surroundings.open(pairing, wiring);
    }, 60_000);

    for (const { row, check } of ROWS) {
      it(row, async () => findings.record(row, pairing, wiring, await check(crossing)));
    }
  });
});

describe('docs/gateway/what-crosses.md', () => {
  it('says what these tests have seen (FERROMCP_WRITE_DOCS=1 writes it)', ({ skip }) => {
    // With a filter, or after a failure of its own, there is nothing to compare.
    skip(findings.size < ROWS.length * PAIRINGS.length * WIRINGS.length, 'not every check has held');
    const page = crossingPage(GROUPS, findings);
    if (process.env['FERROMCP_WRITE_DOCS'] === '1') writeFileSync(PAGE, page);
    expect(readFileSync(PAGE, 'utf8')).toBe(page);
  });
});
