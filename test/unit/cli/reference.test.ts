import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../../src/core/errors.ts';
import { DEFAULT_LIMITS } from '../../../src/core/limits.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const page = (name: string): string => readFileSync(join(ROOT, 'docs/reference', name), 'utf8');

describe('docs/reference', () => {
  it('is what the generator makes of the sources', () => {
    const run = spawnSync(process.execPath, [join(ROOT, 'scripts/generate-reference.mjs'), '--check'], {
      encoding: 'utf8',
    });
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
  });

  it('has every error, every limit and every command', () => {
    for (const code of Object.keys(ERROR_TABLE)) expect(page('errors.md')).toContain(`| \`${code}\` |`);
    for (const limit of Object.keys(DEFAULT_LIMITS))
      expect(page('configuration.md')).toContain(`| \`${limit}\` |`);
    for (const name of ['gateway', 'serve', 'call', 'doctor'])
      expect(page('cli.md')).toContain(`## ferromcp ${name}\n`);
  });

  it('--check notices a page that was changed by hand, and writes nothing', () => {
    const copy = mkdtempSync(join(tmpdir(), 'ferromcp-reference-'));
    try {
      for (const name of ['src', 'scripts', 'docs', 'package.json'])
        cpSync(join(ROOT, name), join(copy, name), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
      const path = join(copy, 'docs/reference/errors.md');
      const before = readFileSync(path, 'utf8');
      writeFileSync(path, `${before}\nby hand\n`);
      const script = join(copy, 'scripts/generate-reference.mjs');
      const check = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
      expect(check.status).toBe(1);
      expect(check.stderr).toContain('errors.md');
      expect(readFileSync(path, 'utf8')).toContain('by hand');
      execFileSync(process.execPath, [script], { encoding: 'utf8' });
      expect(readFileSync(path, 'utf8')).toBe(before);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });
});
