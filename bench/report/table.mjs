/** The report of a suite that is one table: terminal, JSON, documentation. */
import { describeEnvironment, environment } from '../measure/environment.mjs';
import { unique } from '../suites/rounds.mjs';
import { markdownTable, plainTable } from './format.mjs';
import { publish } from './publish.mjs';
import { writeResults } from './results.mjs';

/**
 * @param {object} report
 * @param {string} report.suite
 * @param {string} report.command that makes the same run
 * @param {{ title: string, rows: string[][] }[]} report.tables
 * @param {readonly { peer: string, operation: string, reason: string }[]} report.missing
 * @param {readonly string[]} [report.notes]
 * @param {object} report.data everything measured
 * @param {import('../measure/options.mjs').Options} report.options
 */
export function reportTables({ suite, command, tables, missing: all, notes = [], data, options }) {
  const missing = unique(all);
  const where = environment();
  for (const { title, rows } of tables) console.log(`\n${title}\n${plainTable(rows)}`);
  const remarks = [
    ...missing.map(
      ({ peer, operation, reason }) =>
        `not measured: ${peer}${operation === '*' ? '' : `, ${operation}`}: ${reason}`,
    ),
    ...notes,
  ];
  if (remarks.length > 0) console.log(`\n${remarks.join('\n')}`);
  console.log(`\n${describeEnvironment(where)}\nagain: ${command}`);
  const content = {
    created: new Date().toISOString(),
    environment: where,
    options,
    command,
    missing,
    ...data,
  };
  const files = writeResults(suite, content, options.json);
  console.log(`\nwritten: ${files.join(', ')}`);
  if (!options.publish) return;
  const parts = [
    `\`${command}\`\n\n${describeEnvironment(where)}.`,
    ...tables.map(({ title, rows }) => `### ${title}\n\n${markdownTable(rows)}`),
    ...remarks.map((line) => `- ${line}`),
  ];
  publish(suite, { json: files[0] ?? '', long: parts.join('\n\n') });
}

/**
 * The command that repeats a run.
 * @param {string} suite
 * @param {import('../measure/options.mjs').Options} options
 * @param {readonly string[]} [more]
 */
export function commandFor(suite, options, more = []) {
  const { rounds, seconds, only, seed } = options;
  const words = [
    `--rounds=${rounds}`,
    `--seconds=${seconds}`,
    ...(only === undefined ? [] : [`--only="${only}"`]),
    ...more,
    `--seed=${seed}`,
  ];
  return `npm run bench -- ${suite} ${words.join(' ')}`;
}
