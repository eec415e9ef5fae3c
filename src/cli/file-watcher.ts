import type { FSWatcher } from 'node:fs';
import { statSync, unwatchFile, watch, watchFile } from 'node:fs';
import { basename, dirname } from 'node:path';

export interface FileWatcher {
  /** Replaces the set of files. */
  follow(files: ReadonlySet<string>): void;
  close(): void;
}

/** Editors write in several steps; changes closer together than this are one. */
const DEBOUNCE_MS = 120;
const POLL_MS = 500;

/** What changes when the contents do; a file that is not there has its own. */
function fingerprint(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? 'absent' : `${stats.ino}:${stats.mtimeMs}:${stats.size}`;
}

/**
 * Reports changes of files, once for changes that come together. Directories are watched, not files, because editors
 * replace files; where the system gives no notice, files are looked at twice a second.
 */
export function createFileWatcher(changed: (files: readonly string[]) => void): FileWatcher {
  let known = new Map<string, string>();
  const watchers = new Map<string, FSWatcher>();
  const polled = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  const look = (): void => {
    timer = undefined;
    const different: string[] = [];
    for (const [path, before] of known) {
      const now = fingerprint(path);
      if (now === before) continue;
      known.set(path, now);
      different.push(path);
    }
    if (different.length > 0) changed(different);
  };
  const touch = (): void => {
    if (timer !== undefined) clearTimeout(timer);
    timer = setTimeout(look, DEBOUNCE_MS);
  };
  const poll = (dir: string): void => {
    watchers.get(dir)?.close();
    watchers.delete(dir);
    for (const path of known.keys()) {
      if (dirname(path) !== dir || polled.has(path)) continue;
      polled.add(path);
      watchFile(path, { interval: POLL_MS }, touch);
    }
  };
  const watchDirectory = (dir: string): void => {
    if (watchers.has(dir)) return;
    try {
      const watcher = watch(dir, (_event, name) => {
        // Some systems do not name the file.
        if (name === null || [...known.keys()].some((path) => basename(path) === name)) touch();
      });
      watcher.on('error', () => poll(dir));
      watchers.set(dir, watcher);
    } catch {
      poll(dir);
    }
  };
  const release = (): void => {
    for (const watcher of watchers.values()) watcher.close();
    watchers.clear();
    for (const path of polled) unwatchFile(path, touch);
    polled.clear();
  };
  return {
    follow(files) {
      known = new Map([...files].map((path) => [path, fingerprint(path)]));
      const wanted = new Set([...files].map((path) => dirname(path)));
      for (const [dir, watcher] of watchers) {
        if (wanted.has(dir)) continue;
        watcher.close();
        watchers.delete(dir);
      }
      for (const path of polled) {
        if (known.has(path)) continue;
        unwatchFile(path, touch);
        polled.delete(path);
      }
      for (const dir of wanted) watchDirectory(dir);
    },
    close() {
      if (timer !== undefined) clearTimeout(timer);
      release();
    },
  };
}
