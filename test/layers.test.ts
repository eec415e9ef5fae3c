/**
 * Holds the architecture: a room (a folder of src/) imports itself and lower levels only, and packages that are runtime
 * dependencies. The checker is tried on wrong graphs first, so that a mistake in it cannot pass as a clean tree.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SRC = join(ROOT, 'src');

const LEVELS: readonly (readonly string[])[] = [
  ['core'],
  ['native', 'observability'],
  ['protocol', 'auth', 'runtime'],
  ['features', 'client', 'intelligence'],
  ['transports', 'cluster', 'gateway'],
  ['server'],
  ['cli', 'dashboard'],
];
/** The package's entry files (src/*.ts) stand on top of everything. */
const TOP = LEVELS.length;
/** Interfaces through which rooms of one level may meet; types only. */
const MEETING_POINTS = new Set(['client/contract.ts']);

interface Import {
  readonly from: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

function roomOf(file: string): string {
  const cut = file.indexOf('/');
  return cut === -1 ? '' : file.slice(0, cut);
}

function levelOf(room: string): number {
  if (room === '') return TOP;
  return LEVELS.findIndex((rooms) => rooms.includes(room));
}

/** Every import, re-export and literal dynamic import of a source text. */
function importsOf(from: string, source: string): Import[] {
  const text = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  for (const match of text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?[^;'"`]*?\bfrom\s*(['"])([^'"]+)\2/gm,
  )) {
    found.push({ from, specifier: match[3] ?? '', typeOnly: match[1] !== undefined });
  }
  for (const match of text.matchAll(/^\s*import\s*(['"])([^'"]+)\1/gm)) {
    found.push({ from, specifier: match[2] ?? '', typeOnly: false });
  }
  for (const match of text.matchAll(/\bimport\(\s*(['"])([^'"]+)\1\s*\)/g)) {
    found.push({ from, specifier: match[2] ?? '', typeOnly: false });
  }
  return found;
}

/** What is wrong with one import, or undefined. Paths are relative to src/ with forward slashes. */
function problemWith({ from, specifier, typeOnly }: Import): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const target = posix.normalize(posix.join(posix.dirname(from), specifier));
  const line = `${from} imports ${target}`;
  if (target.startsWith('../')) return `${line}: outside src/`;
  if (!/\.(ts|json)$/.test(target)) return `${line}: relative imports end in .ts`;
  const [here, there] = [roomOf(from), roomOf(target)];
  if (here === there) return undefined;
  const [own, other] = [levelOf(here), levelOf(there)];
  if (own === -1) return `${from}: the room ${here} has no level`;
  if (other === -1) return `${line}: the room ${there} has no level`;
  if (other < own) return undefined;
  if (other > own) return `${line}: upward (level ${own} to ${other})`;
  if (typeOnly && MEETING_POINTS.has(target)) return undefined;
  return `${line}: sideways (both on level ${own})`;
}

/** A cycle of rooms as `a > b > a`, or undefined. */
function roomCycle(edges: ReadonlyMap<string, ReadonlySet<string>>): string | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (room: string): string | undefined => {
    const at = path.indexOf(room);
    if (at !== -1) return [...path.slice(at), room].join(' > ');
    if (done.has(room)) return undefined;
    path.push(room);
    for (const next of edges.get(room) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(room);
    return undefined;
  };
  for (const room of edges.keys()) {
    const cycle = visit(room);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function roomEdges(imports: readonly Import[]): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>();
  for (const { from, specifier } of imports) {
    if (!specifier.startsWith('.')) continue;
    const target = posix.normalize(posix.join(posix.dirname(from), specifier));
    if (MEETING_POINTS.has(target) || roomOf(from) === roomOf(target)) continue;
    const targets = edges.get(roomOf(from)) ?? new Set();
    edges.set(roomOf(from), targets.add(roomOf(target)));
  }
  return edges;
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  /** Optional ones, loaded when a user's own choice asks for them. */
  readonly peerDependencies: Readonly<Record<string, string>>;
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => relative(SRC, join(entry.parentPath, entry.name)).split(sep).join('/'))
  .sort();
const imports = files.flatMap((file) => importsOf(file, readFileSync(join(SRC, file), 'utf8')));

describe('the checker', () => {
  const check = (from: string, source: string) => importsOf(from, source).map(problemWith);

  it('accepts an import of a lower level and of the own room', () => {
    expect(check('server/a.ts', "import { x } from '../core/ids.ts';\nimport './b.ts';")).toEqual([
      undefined,
      undefined,
    ]);
    expect(check('index.ts', "export { y } from './server/a.ts';")).toEqual([undefined]);
  });

  it.each([
    ['core/a.ts', "import type { X } from '../protocol/x.ts';", 'upward'],
    ['core/a.ts', "import {\n  x,\n  y,\n} from '../server/x.ts';", 'upward'],
    ['protocol/a.ts', "export * from '../auth/x.ts';", 'sideways'],
    ['gateway/a.ts', "const x = await import('../transports/x.ts');", 'sideways'],
    ['features/tools/a.ts', "import { open } from '../../client/contract.ts';", 'sideways'],
    ['protocol/a.ts', "import type { Client } from '../client/contract.ts';", 'upward'],
    ['server/a.ts', "import '../cli/main.ts';", 'upward'],
    ['server/a.ts', "import x from '../../scripts/x.ts';", 'outside src/'],
    ['server/a.ts', "import x from './x.js';", 'end in .ts'],
    ['attic/a.ts', "import x from '../core/x.ts';", 'no level'],
  ])('refuses in %s: %s', (from, source, why) => {
    expect(check(from, source)).toEqual([expect.stringContaining(why)]);
  });

  it('lets rooms of one level meet by the types of the contract', () => {
    expect(check('features/a.ts', "import type { Client } from '../client/contract.ts';")).toEqual([
      undefined,
    ]);
  });

  it('reads no import out of a comment', () => {
    expect(importsOf('a.ts', "/**\n import x from './x.ts';\n */\n// import('./y.ts')\n")).toEqual([]);
  });

  it('finds a cycle between rooms', () => {
    const cyclic = [
      { from: 'a/x.ts', specifier: '../b/x.ts', typeOnly: false },
      { from: 'b/x.ts', specifier: '../c/x.ts', typeOnly: false },
      { from: 'c/x.ts', specifier: '../a/x.ts', typeOnly: false },
    ];
    expect(roomCycle(roomEdges(cyclic))).toBe('a > b > c > a');
    expect(roomCycle(roomEdges(cyclic.slice(1)))).toBeUndefined();
  });
});

describe('src/', () => {
  it('has sources to look at', () => {
    expect(files.length).toBeGreaterThan(10);
    expect(imports.length).toBeGreaterThan(10);
  });

  it('has only rooms with a level', () => {
    const rooms = new Set(files.map(roomOf));
    expect([...rooms].filter((room) => levelOf(room) === -1)).toEqual([]);
  });

  it('imports downwards only', () => {
    expect(imports.map(problemWith).filter((problem) => problem !== undefined)).toEqual([]);
  });

  it('has no cycle between rooms', () => {
    expect(roomCycle(roomEdges(imports))).toBeUndefined();
  });

  it('imports only runtime dependencies, and Node.js modules with their prefix', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
    const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const wrong = imports
      .filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
      .filter(({ specifier }) => {
        const name = packageOf(specifier);
        return builtinModules.includes(name) || !dependencies.includes(name);
      })
      .map(({ from, specifier }) => `${from} imports ${specifier}`);
    expect(wrong).toEqual([]);
  });
});
