#!/usr/bin/env node
/**
 * Writes docs/reference. With `--check` nothing is written: the exit code is 1 when a page is not what it should be.
 */
import './lib/check-node.mjs';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib/paths.mjs';
import { referencePages } from './lib/reference.mjs';

const args = process.argv.slice(2);
const check = args.includes('--check');
if (args.some((argument) => argument !== '--check')) {
  process.stderr.write('usage: node scripts/generate-reference.mjs [--check]\n');
  process.exit(2);
}
const folder = join(ROOT, 'docs', 'reference');
const stale = [];
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(await referencePages())) {
  const path = join(folder, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  stale.push(name);
  if (!check) writeFileSync(path, text);
}
if (check && stale.length > 0) {
  process.stderr.write(
    `docs/reference is not up to date: ${stale.join(', ')}\nRun: node scripts/generate-reference.mjs\n`,
  );
  process.exit(1);
}
process.stdout.write(stale.length === 0 ? 'docs/reference is up to date\n' : `wrote ${stale.join(', ')}\n`);
