import type { FeatureGroup } from './feature.ts';
import { PAIRINGS, type Pairing, WIRINGS, type Wiring } from './pairing.ts';

/** What the checks have shown: one entry for each that held, by feature, pairing and wiring. */
export class Findings {
  readonly #said = new Map<string, string>();

  record(feature: string, pairing: Pairing, wiring: Wiring, said: string | undefined): void {
    this.#said.set(this.#key(feature, pairing, wiring), said ?? '✓');
  }

  get size(): number {
    return this.#said.size;
  }

  /** What the table says; both wirings when they differ. */
  cell(feature: string, pairing: Pairing): string {
    const said = WIRINGS.map((wiring) => this.#said.get(this.#key(feature, pairing, wiring)) ?? '✗');
    const [first = '✗'] = said;
    if (said.every((each) => each === first)) return first;
    return WIRINGS.map((wiring, index) => `${wiring}: ${said[index]}`).join('; ');
  }

  #key(feature: string, { down, up }: Pairing, wiring: Wiring): string {
    return [feature, down, up, wiring].join('\n');
  }
}

/** The page, as it is committed. */
export function crossingPage(groups: readonly FeatureGroup[], findings: Findings): string {
  const header = PAIRINGS.map(({ down, up }) => `${down} → ${up}`);
  const lines = [
    '# What crosses the gateway',
    '',
    'Made by `node scripts/generate-crossing.mjs` from `test/integration/gateway-crossing.test.ts`, which fails when this page',
    'does not say what it saw. Legacy: revisions 2024-11-05 to 2025-11-25. Modern: 2026-07-28. The first word is the client, the',
    'second the upstream server. Every cell was tried twice: over Streamable HTTP and over stdio, on both sides of the gateway.',
    '',
    '✓: the client gets what it would get from the upstream itself in its own era. Words say how it gets there, or what it gets',
    'where the eras differ.',
  ];
  for (const { title, features } of groups) {
    lines.push('', `## ${title}`, '', `| | ${header.join(' | ')} |`, '| --- | --- | --- | --- | --- |');
    for (const { name } of features) {
      const cells = PAIRINGS.map((pairing) => findings.cell(`${title}: ${name}`, pairing));
      lines.push(`| ${name} | ${cells.join(' | ')} |`);
    }
  }
  lines.push(
    '',
    '## What does not cross',
    '',
    '- Progress tokens, request ids, session ids and cursors belong to one hop; the gateway makes its own.',
    '- Names of tools and prompts get the prefix of their server, unless the gateway is transparent.',
    '- The Tasks and Skills extensions and the experimental tasks of 2025-11-25 are left out of the announced capabilities.',
    '- Questions outside of any call are refused, unless the connection to the upstream belongs to one client.',
    '',
  );
  return lines.join('\n');
}
