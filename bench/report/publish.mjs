/** Puts results into the documentation: between markers, so that everything else stays as it is. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/paths.mjs';

const DOCS = join(ROOT, 'docs');

/**
 * Replaces what stands between `<!-- bench:<name> -->` and `<!-- /bench:<name> -->`.
 * @param {string} text
 * @param {string} name
 * @param {string} content
 * @returns {string | undefined} undefined when the markers are not there
 */
export function between(text, name, content) {
  const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const from = text.indexOf(start);
  const to = text.indexOf(end, from + start.length);
  if (from < 0 || to < 0) return undefined;
  return `${text.slice(0, from + start.length)}\n${content.trim()}\n${text.slice(to)}`;
}

/**
 * Writes `docs/benchmarks/<name>.json` and `.svg`, the tables of docs/benchmarks.md, and those of README.md that have
 * markers there.
 * @param {string} name suite
 * @param {{ json: string, svg?: string | undefined, long: string, short?: string }} content
 */
export function publish(name, { json, svg, long, short }) {
  const folder = join(DOCS, 'benchmarks');
  mkdirSync(folder, { recursive: true });
  copyFileSync(json, join(folder, `${name}.json`));
  if (svg !== undefined) writeFileSync(join(folder, `${name}.svg`), svg);
  const image = (/** @type {string} */ path) =>
    svg === undefined ? '' : `![${name}: ratios with their spread](${path})\n\n`;
  fill(join(DOCS, 'benchmarks.md'), name, `${image(`benchmarks/${name}.svg`)}${long}`);
  if (short !== undefined)
    fill(join(ROOT, 'README.md'), name, `${image(`docs/benchmarks/${name}.svg`)}${short}`);
}

/**
 * @param {string} file
 * @param {string} name
 * @param {string} content
 */
function fill(file, name, content) {
  const changed = existsSync(file) ? between(readFileSync(file, 'utf8'), name, content) : undefined;
  if (changed === undefined) {
    console.log(`${file} has no <!-- bench:${name} --> and <!-- /bench:${name} -->: nothing published there`);
    return;
  }
  writeFileSync(file, changed);
  console.log(`published in ${file}`);
}
