import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Files a module consists of, found by reading it; what `--watch` watches. */

/** Bounds: files followed, bytes of one file read. */
const MAX_FILES = 2_000;
const MAX_BYTES = 2 * 1024 * 1024;

/** Relative or absolute specifiers of static and dynamic imports, re-exports and require calls. */
const IMPORT = /\b(?:from|import|require)\s*(?:\(\s*)?(['"])((?:\.{1,2}\/|\/|file:)[^'"\n]{1,1000})\1/g;

/** What a specifier may stand for: itself, with an extension, the TypeScript source, or a directory's index. */
function candidatesOf(path: string): readonly string[] {
  const source = path.replace(/\.([mc]?)js$/, '.$1ts');
  const extensions = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json'];
  return [
    path,
    ...(source === path ? [] : [source]),
    ...extensions.map((extension) => path + extension),
    ...extensions.map((extension) => resolve(path, `index${extension}`)),
  ];
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function importsOf(path: string): readonly string[] {
  if (path.endsWith('.json')) return [];
  let text: string;
  try {
    if (statSync(path).size > MAX_BYTES) return [];
    text = readFileSync(path, 'utf8');
  } catch {
    // Gone between two looks; the watcher will see it come back.
    return [];
  }
  const found: string[] = [];
  for (const match of text.matchAll(IMPORT)) {
    const specifier = match[2] ?? '';
    try {
      const target = specifier.startsWith('file:')
        ? fileURLToPath(specifier)
        : resolve(dirname(path), specifier);
      found.push(target);
    } catch {
      // Not a usable file URL.
    }
  }
  return found;
}

/** The module and every file it imports by path, directly or not; packages are left out. */
export function importGraph(entry: string): ReadonlySet<string> {
  const files = new Set<string>([entry]);
  for (const file of files) {
    for (const target of importsOf(file)) {
      if (files.size >= MAX_FILES) return files;
      // A file that does not exist yet is watched too: creating it may be the repair.
      files.add(candidatesOf(target).find(isFile) ?? target);
    }
  }
  return files;
}
