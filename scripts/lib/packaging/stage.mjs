/**
 * Writes what is published into a folder: the main package and one package a platform. Only here does the main package
 * name the platform packages, so that a fresh clone asks the registry for nothing of ours.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../paths.mjs';
import { addonFile, packageFolder, packageName, rootManifest } from './platforms.mjs';

/** Of the manifest, what only a checkout needs. */
const DEVELOPMENT = new Set(['scripts', 'devDependencies', 'packageManager', 'private']);
const ADDONS = 'native/*.node';

/**
 * @param {string} into folder, made anew
 * @param {ReadonlyMap<string, string>} addons file of each platform's addon by name
 * @returns {{ main: string, platforms: Map<string, string> }} folder of each package
 */
export function stage(into, addons) {
  rmSync(into, { recursive: true, force: true });
  const main = join(into, 'ferromcp');
  stageMain(main, [...addons.keys()]);
  const platforms = new Map();
  for (const [name, file] of addons) {
    const folder = join(into, name);
    mkdirSync(folder, { recursive: true });
    for (const document of ['package.json', 'README.md']) {
      copyFileSync(join(packageFolder(name), document), join(folder, document));
    }
    copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
    copyFileSync(file, join(folder, addonFile(name)));
    platforms.set(name, folder);
  }
  return { main, platforms };
}

function stageMain(folder, names) {
  mkdirSync(folder, { recursive: true });
  const manifest = publishedManifest(rootManifest(), names);
  for (const entry of manifest.files) {
    if (!existsSync(join(ROOT, entry))) throw new Error(`package.json lists ${entry}, which is not there`);
    cpSync(join(ROOT, entry), join(folder, entry), { recursive: true });
  }
  const hidden = readdirSync(join(folder, 'dist')).filter((name) => name.startsWith('.'));
  for (const name of hidden) rmSync(join(folder, 'dist', name));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The manifest of the main package as it is published with the packages of these platforms. */
export function publishedManifest(manifest, names) {
  const kept = Object.entries(manifest).filter(([key]) => !DEVELOPMENT.has(key));
  const optional = names.map((name) => [packageName(name), manifest.version]);
  return {
    ...Object.fromEntries(kept),
    files: manifest.files.filter((entry) => entry !== ADDONS),
    ...(optional.length > 0 && { optionalDependencies: Object.fromEntries(optional) }),
  };
}
