/**
 * Small files that are either there completely or not at all: written beside, flushed, then renamed; read only when
 * format and checksum fit.
 */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { JsonValue } from '../../core/json.ts';

const MAGIC = 'ferromcp-state';

export type CheckedRead =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'ok'; readonly value: JsonValue };

/**
 * Writes `value`; a crash at any moment leaves the old file or the new one. Readable by the user only (0600, folder
 * 0700).
 */
export async function writeCheckedFile(path: string, version: number, value: JsonValue): Promise<void> {
  const body = JSON.stringify(value);
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = join(folder, `.${randomBytes(8).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${header(version, body)}\n${body}`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  // Without this the new name may be lost with the power; some file systems and Windows refuse it.
  await flushFolder(folder).catch(() => {});
}

/** Reads what {@link writeCheckedFile} wrote; never throws. Symbolic links and anything but plain files are refused. */
export function readCheckedFile(path: string, version: number, maxBytes: number): CheckedRead {
  let text: string;
  try {
    const file = openSync(
      path,
      constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
    );
    try {
      const stat = fstatSync(file);
      if (!stat.isFile()) return { kind: 'unusable', reason: 'not a file' };
      if (stat.size > maxBytes) return { kind: 'unusable', reason: 'too large' };
      const bytes = Buffer.alloc(stat.size);
      let filled = 0;
      while (filled < bytes.length) {
        const count = readSync(file, bytes, filled, bytes.length - filled, filled);
        if (count === 0) break;
        filled += count;
      }
      text = bytes.toString('utf8', 0, filled);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    return code === 'ENOENT' ? { kind: 'absent' } : { kind: 'unusable', reason: code };
  }
  const end = text.indexOf('\n');
  const body = text.slice(end + 1);
  if (end === -1 || text.slice(0, end) !== header(version, body)) {
    return { kind: 'unusable', reason: 'checksum or version differs' };
  }
  try {
    return { kind: 'ok', value: JSON.parse(body) as JsonValue };
  } catch {
    return { kind: 'unusable', reason: 'not JSON' };
  }
}

function header(version: number, body: string): string {
  return `${MAGIC} ${version} ${createHash('sha256').update(body).digest('hex')}`;
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    fsyncSync(handle.fd);
  } finally {
    await handle.close();
  }
}
