/**
 * Zig as a C compiler and linker for other platforms. It comes from PyPI into a cache folder of its own: one wheel has
 * the compiler and every C library, so that no cross toolchain has to be installed.
 */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../lock.mjs';
import { findOnPath } from '../process.mjs';
import { CACHE, must } from './cache.mjs';

const ZIG = '0.14.1';

/** Path of the zig program; installed when it is not there yet. */
export async function zig() {
  const venv = join(CACHE, `zig-${ZIG}`);
  const python = join(venv, 'bin', 'python');
  const program = join(venv, 'zig');
  await withLock(join(CACHE, 'zig.lock'), async () => {
    if (existsSync(program)) return;
    const system = findOnPath('python3');
    if (system === undefined) throw new Error('zig comes from PyPI: python3 is needed on PATH');
    process.stderr.write(`installing ziglang ${ZIG} into ${venv}\n`);
    await must(system, ['-m', 'venv', venv]);
    await must(python, ['-m', 'pip', 'install', '--quiet', '--no-input', `ziglang==${ZIG}`]);
    const where = 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))';
    const installed = (await must(python, ['-c', where])).trim();
    writeScript(program, `exec '${installed}' "$@"`);
  });
  return program;
}

/**
 * A compiler and linker for one platform, under one name without arguments, as cargo and the cc crate want it. It drops
 * what they say to a GNU or Apple linker and zig does not know: the target comes from us, zig exports what Rust marks,
 * and there is no iconv on the other side to link to.
 */
export async function zigCompiler(platform) {
  const folder = join(CACHE, 'bin');
  mkdirSync(folder, { recursive: true });
  const program = await zig();
  const compiler = join(folder, `cc-${platform.name}`);
  const archiver = join(folder, 'ar');
  writeScript(
    compiler,
    `skip=
for word do
  shift
  if [ -n "$skip" ]; then skip=; continue; fi
  case "$word" in
    --target=* | -liconv | -Wl | -Wl,-exported_symbols_list,*) ;;
    -Wl,-exported_symbols_list) skip=1 ;;
    *) set -- "$@" "$word" ;;
  esac
done
exec '${program}' cc -target ${platform.zig} "$@"`,
  );
  writeScript(archiver, `exec '${program}' ar "$@"`);
  return { compiler, archiver };
}

function writeScript(path, text) {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}
