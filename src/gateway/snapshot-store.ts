import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { canonicalJson } from '../core/canonical-json.ts';
import { isJsonObject, type JsonValue } from '../core/json.ts';
import type { Logger } from '../core/log.ts';
import { readCheckedFile, writeCheckedFile } from '../runtime/storage/checked-file.ts';
import { parseSnapshot, type UpstreamSnapshot } from './snapshot.ts';
import type { UpstreamTarget } from './target.ts';

const FORMAT = 1;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Keeps what upstreams offer over restarts, one file each, so that a gateway can list tools without starting anything.
 * A file is used only for the very same settings and version of this package.
 */
export class SnapshotStore {
  readonly #folder: string | undefined;
  readonly #version: string;
  readonly #logger: Logger;
  readonly #writing = new Map<string, Promise<void>>();

  constructor(stateDir: string | undefined, version: string, logger: Logger) {
    this.#folder = stateDir === undefined ? undefined : join(stateDir, 'upstreams');
    this.#version = version;
    this.#logger = logger;
  }

  load(name: string, target: UpstreamTarget): UpstreamSnapshot | undefined {
    const path = this.#path(name);
    if (path === undefined || target.kind === 'transport') return undefined;
    const read = readCheckedFile(path, FORMAT, MAX_BYTES);
    if (read.kind === 'absent') return undefined;
    const warn = (reason: string): undefined => {
      this.#logger.log('warn', 'stored lists of an upstream are ignored', {
        code: 'STORED_FILE_UNUSABLE',
        upstream: name,
        reason,
      });
      return undefined;
    };
    if (read.kind === 'unusable') return warn(read.reason);
    if (!isJsonObject(read.value)) return warn('not an object');
    // Other settings or another version: nothing is wrong, it is just not for us.
    if (read.value['fingerprint'] !== this.#fingerprint(name, target)) return undefined;
    try {
      return parseSnapshot(read.value['snapshot'] ?? null);
    } catch {
      return warn('unexpected content');
    }
  }

  /** Writes in the background, one file at a time per upstream; a failure is logged and costs the next start only. */
  save(name: string, target: UpstreamTarget, snapshot: UpstreamSnapshot): void {
    const path = this.#path(name);
    if (path === undefined || target.kind === 'transport') return;
    const value = {
      fingerprint: this.#fingerprint(name, target),
      snapshot: snapshot as unknown as JsonValue,
    };
    const before = this.#writing.get(name) ?? Promise.resolve();
    const writing = before
      .then(() => writeCheckedFile(path, FORMAT, value))
      .catch((error: unknown) => {
        this.#logger.log('warn', 'lists of an upstream could not be stored', {
          upstream: name,
          reason: (error as NodeJS.ErrnoException).code ?? 'unknown',
        });
      });
    this.#writing.set(name, writing);
  }

  async flush(): Promise<void> {
    await Promise.all(this.#writing.values());
  }

  #path(name: string): string | undefined {
    if (this.#folder === undefined) return undefined;
    const readable = name.replace(/[^A-Za-z0-9-]+/g, '-').slice(0, 40);
    return join(this.#folder, `${readable}-${digest(name).slice(0, 12)}.json`);
  }

  /** Settings enter as a hash only: they hold secrets. */
  #fingerprint(name: string, target: UpstreamTarget): string {
    return digest(canonicalJson([this.#version, name, target as unknown as JsonValue]));
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
