/** The report of the http suite: tables for the terminal, JSON, a picture, and what is published. */
import { operation } from '../load/operations.mjs';
import { describeEnvironment, environment } from '../measure/environment.mjs';
import { BASE, PEERS } from '../peers/table.mjs';
import { unique } from '../suites/rounds.mjs';
import { bars } from './bars.mjs';
import { fixed, markdownTable, plainTable, ratio, spreadText, whole } from './format.mjs';
import { publish } from './publish.mjs';
import { writePicture, writeResults } from './results.mjs';
import { summarize } from './summary.mjs';

/** A stranger that used more than this share of a core makes the figures doubtful. */
const NOISE = 0.1;
/** What the picture and the README show. */
const SHOWN = ['echo', 'ping', 'list'];

/**
 * @param {object} run
 * @param {import('../suites/http.mjs').Sample[]} run.samples
 * @param {import('../suites/rounds.mjs').Missing[]} run.missing
 * @param {import('../measure/options.mjs').Options} run.options
 * @param {string[]} run.names
 * @param {string} run.head
 */
export function reportHttp({ samples, missing: all, options, names, head }) {
  const missing = unique(all);
  const where = environment();
  const groups = summarize(samples, names);
  for (const group of groups) console.log(`\n${title(group)}\n${plainTable(fullRows(group))}`);
  for (const line of remarks(groups, missing)) console.log(line);
  console.log(`\n${describeEnvironment(where)}\n${head}`);
  const name = options.protocol === 'h2' ? 'http2' : 'http';
  const files = writeResults(
    name,
    { created: new Date().toISOString(), environment: where, options, missing, groups, samples },
    options.json,
  );
  const svg = picture(groups, `${describeEnvironment(where)}; ${head}`);
  if (svg !== undefined) files.push(writePicture(name, svg));
  console.log(`\nwritten: ${files.join(', ')}`);
  if (!options.publish) return;
  const command = `npm run bench -- http ${options.protocol === 'h2' ? '--protocol=h2 ' : ''}--rounds=${options.rounds} --seconds=${options.seconds} --connections=${options.connections.join(',')} --seed=${options.seed}`;
  publish(name, {
    json: files[0] ?? '',
    svg,
    long: markdown(groups, missing, `\`${command}\`\n\n${describeEnvironment(where)}. ${head}.`),
    short: short(groups, `\`${command}\` (${describeEnvironment(where)})`),
  });
}

/** @param {import('./summary.mjs').Group} group */
function title({ operation: name, connections, cores }) {
  return `${operation(name).title}, ${connections} connection${connections === 1 ? '' : 's'}${cores === 2 ? ', both sides on two cores' : ''}`;
}

/** @param {import('./summary.mjs').Group} group */
function fullRows({ rows }) {
  const head = [
    'server',
    'req/s (min–max)',
    `× ${BASE}`,
    'CPU µs',
    'CPU ratio',
    'p50 ms',
    'p99 ms',
    'RSS MB',
    'failed',
    '',
  ];
  return [
    head,
    ...rows.map((row) => [
      row.peer,
      spreadText(row.rate, whole),
      spreadText(row.ratio, ratio),
      fixed(row.cpu.median, 1),
      ratio(row.cpuRatio.median),
      fixed(row.p50, 2),
      fixed(row.p99, 2),
      whole(row.resident / 1e6),
      String(row.failures),
      row.generatorBound ? '‡' : '',
    ]),
  ];
}

/**
 * @param {readonly import('./summary.mjs').Group[]} groups
 * @param {readonly import('../suites/rounds.mjs').Missing[]} missing
 */
function remarks(groups, missing) {
  const rows = groups.flatMap((group) => group.rows);
  const lines = missing.map(
    ({ peer, operation: name, reason }) =>
      `not measured: ${peer}${name === '*' ? '' : `, ${name}`}: ${reason}`,
  );
  if (rows.some((row) => row.generatorBound))
    lines.push('‡ the load generator was at its limit: the server could do more; compare CPU µs.');
  const noise = Math.max(0, ...rows.map((row) => (Number.isFinite(row.others) ? row.others : 0)));
  if (noise > NOISE)
    lines.push(
      `others used up to ${Math.round(noise * 100)} % of a core during the run: read CPU µs and ratios, not rates.`,
    );
  return lines.length === 0 ? [] : ['', ...lines];
}

/**
 * @param {readonly import('./summary.mjs').Group[]} groups
 * @param {readonly import('../suites/rounds.mjs').Missing[]} missing
 * @param {string} how
 */
function markdown(groups, missing, how) {
  const tables = groups.map((group) => `### ${title(group)}\n\n${markdownTable(fullRows(group))}`);
  const versions = [...new Set(groups.flatMap(({ rows }) => rows.map(({ peer }) => peer)))]
    .flatMap((peer) => (PEERS[peer]?.version === undefined ? [] : [`${peer}: ${PEERS[peer]?.version}`]))
    .join('; ');
  const notes = remarks(groups, missing).filter((line) => line !== '');
  return [how, `Versions: ${versions}.`, ...tables, ...notes.map((line) => `- ${line}`)].join('\n\n');
}

/** Ratios of a few operations in one table. */
function short(/** @type {readonly import('./summary.mjs').Group[]} */ groups, /** @type {string} */ how) {
  const shown = mainGroups(groups);
  const peers = [...new Set(shown.flatMap(({ rows }) => rows.map(({ peer }) => peer)))];
  const rows = peers.map((peer) => {
    const cells = shown.map((group) => {
      const row = group.rows.find((one) => one.peer === peer);
      return row === undefined ? '–' : `${whole(row.rate.median)} (${ratio(row.ratio.median)} ×)`;
    });
    const [echo] = shown;
    const cpu = echo?.rows.find((one) => one.peer === peer)?.cpu.median;
    return [peer, ...cells, fixed(cpu, 1)];
  });
  const head = [
    'server',
    ...shown.map((group) => `${operation(group.operation).title}, req/s`),
    'CPU µs, first column',
  ];
  return `${markdownTable([head, ...rows])}\n\n${how}`;
}

/** The groups shown first: one core each side, the middle number of connections. */
function mainGroups(/** @type {readonly import('./summary.mjs').Group[]} */ groups) {
  const connections = groups.some((group) => group.connections === 32) ? 32 : groups[0]?.connections;
  const main = groups.filter(
    (group) =>
      group.connections === connections &&
      group.cores === groups[0]?.cores &&
      SHOWN.includes(group.operation),
  );
  return main.length > 0 ? main : groups.slice(0, 1);
}

/**
 * @param {readonly import('./summary.mjs').Group[]} groups
 * @param {string} note
 */
function picture(groups, note) {
  const panels = mainGroups(groups)
    .map((group) => ({
      title: title(group),
      rows: group.rows
        .filter(({ ratio: { count } }) => count > 0)
        .sort((a, b) => b.ratio.median - a.ratio.median)
        .map(({ peer, ratio: value, generatorBound }) => ({
          name: peer,
          own: PEERS[peer]?.kind === 'own',
          bare: peer.startsWith('bare '),
          value,
          mark: generatorBound ? ' ‡' : '',
        })),
    }))
    .filter(({ rows }) => rows.length > 0);
  if (panels.length === 0) return undefined;
  return bars({ title: `Requests a second as a multiple of ${BASE}`, panels, note });
}
