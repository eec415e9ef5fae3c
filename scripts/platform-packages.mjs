#!/usr/bin/env node
/** Writes `native/npm/<platform>/` from the table of platforms and the version of package.json. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PLATFORMS, packageFolder, platformManifest, platformReadme } from './lib/packaging/platforms.mjs';

for (const platform of PLATFORMS) {
  const folder = packageFolder(platform.name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), platformManifest(platform));
  writeFileSync(join(folder, 'README.md'), platformReadme(platform));
}
