/** The file a run leaves. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the last run of a suite is kept; not part of the repository. */
export const RESULTS = join(dirname(dirname(fileURLToPath(import.meta.url))), 'results');

/**
 * Writes the results of a suite to `bench/results/latest.json`, `bench/results/<suite>.json` and to the file asked for.
 * @param {string} suite
 * @param {object} content
 * @param {string | undefined} json
 * @returns {string[]} files written
 */
export function writeResults(suite, content, json) {
  const text = `${JSON.stringify({ suite, ...content }, null, 2)}\n`;
  const files = [join(RESULTS, 'latest.json'), join(RESULTS, `${suite}.json`)];
  if (json !== undefined) files.push(resolve(json));
  for (const file of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return files;
}

/**
 * Writes a picture beside them.
 * @param {string} suite
 * @param {string} svg
 */
export function writePicture(suite, svg) {
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${suite}.svg`);
  writeFileSync(file, svg);
  return file;
}
