#!/usr/bin/env node
/**
 * For maintainers, after `npm install` of something new: adds the platform packages that the registry could not serve
 * to the lock files, so that `npm ci` accepts them everywhere.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { completeLock, missingOptional } from './lib/lockfile.mjs';
import { ROOT } from './lib/paths.mjs';

for (const file of ['package-lock.json', 'conformance/package-lock.json']) {
  const path = join(ROOT, file);
  if (!existsSync(path)) continue;
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  const added = missingOptional(lock).length;
  if (added > 0) writeFileSync(path, `${JSON.stringify(completeLock(lock), null, 2)}\n`);
  console.log(`${file}: ${added} entries added`);
}
