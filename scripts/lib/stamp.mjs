/**
 * Stamps: a hash of everything a build step reads, kept next to what the step made. A step is done again when the
 * hash differs, so a checkout, a rebase or an edit is noticed and a touched file is not.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** Every file below `path` (or `path` itself) in a stable order; a path that does not exist gives nothing. */
export function filesUnder(path, skip = () => false) {
  const found = [];
  const visit = (current) => {
    let entries;
    try {
      entries = readdirSync(current, { withFileTypes: true });
    } catch (error) {
      if (error.code === 'ENOTDIR') found.push(current);
      else if (error.code !== 'ENOENT') throw error;
      return;
    }
    for (const entry of entries) {
      const child = join(current, entry.name);
      if (skip(child, entry.name, entry.isDirectory())) continue;
      if (entry.isDirectory()) visit(child);
      else if (entry.isFile()) found.push(child);
    }
  };
  visit(path);
  return found.sort();
}

/**
 * Hash of names and contents of all files under `paths`, and of the `extra` strings. Every part is length-prefixed,
 * so that no two different inputs run into each other.
 */
export function hashInputs(root, paths, { skip, extra = [] } = {}) {
  const hash = createHash('sha256');
  const part = (data) => {
    const bytes = Buffer.from(data);
    hash.update(`${bytes.length}:`).update(bytes);
  };
  for (const text of extra) part(text);
  for (const path of paths) {
    for (const file of filesUnder(join(root, path), skip)) {
      let content;
      try {
        content = readFileSync(file);
      } catch (error) {
        if (error.code === 'ENOENT') continue; // removed while we were reading: the next run sees it
        throw error;
      }
      part(relative(root, file).split(sep).join('/'));
      part(content);
    }
  }
  return hash.digest('hex');
}

/** The stamp's text, or undefined when there is none. */
export function readStamp(file) {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Writes the stamp in one step: a reader sees the old one or the new one, never half of it. */
export function writeStamp(file, value) {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${value}\n`);
  renameSync(temporary, file);
}

/**
 * Does node_modules already hold what the lock file asks for? True after an `npm install` by hand, so that bootstrap
 * does not delete and reinstall a good tree.
 * @param {object} lock parsed package-lock.json
 * @param {object} installed parsed node_modules/.package-lock.json, npm's own record of what it installed
 */
export function treeMatchesLock(root, lock, installed) {
  const wanted = lock?.packages;
  const present = installed?.packages;
  if (typeof wanted !== 'object' || typeof present !== 'object' || wanted === null || present === null)
    return false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const have = present[path];
    if (have === undefined) {
      if (entry.optional === true) continue; // another platform's binary
      return false;
    }
    if (have.version !== entry.version || have.integrity !== entry.integrity) return false;
    if (!existsSync(join(root, path))) return false;
  }
  return true;
}
