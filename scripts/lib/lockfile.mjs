/**
 * Completeness of package-lock.json. npm leaves an optional dependency out of the lock file when its registry cannot
 * serve it at that moment (a filtering mirror, for one), and then `npm ci` refuses that lock file everywhere. The
 * missing entries are other platforms' binaries, pinned exactly by their parent, so they can be written from its pin.
 */

const OS = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'aix',
  'win32',
];
const CPU = {
  x64: 'x64',
  ia32: 'ia32',
  arm64: 'arm64',
  arm: 'arm',
  ppc64: 'ppc64',
  ppc64le: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  loong64: 'loong64',
  mips64el: 'mips64el',
  mipsel: 'mipsel',
  wasm32: 'wasm32',
  universal: undefined,
};

/** `os`, `cpu` and `libc` as told by the name of a platform package such as `@scope/tool-linux-arm64-musl`. */
export function platformOfName(name) {
  const words = name.split(/[-/.]/);
  const os = OS.find((word) => words.includes(word));
  const cpuWord = Object.keys(CPU).find((word) => words.includes(word));
  const cpu = cpuWord === undefined ? undefined : CPU[cpuWord];
  const libc = words.includes('musl')
    ? 'musl'
    : os === 'linux' && words.includes('gnu')
      ? 'glibc'
      : undefined;
  return { ...(cpu && { cpu: [cpu] }), ...(libc && { libc: [libc] }), ...(os && { os: [os] }) };
}

/** Where Node.js would look for `name` from the package at `path`, nearest folder first. */
function* lookupPaths(path, name) {
  let folder = path;
  for (;;) {
    yield `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (folder === '') return;
    const cut = folder.lastIndexOf('/node_modules/');
    folder = cut === -1 ? '' : folder.slice(0, cut);
  }
}

/** Optional dependencies that the lock file names in a package but has no entry for. */
export function missingOptional(lock) {
  const missing = new Map();
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const found = [...lookupPaths(path, name)].some((candidate) => lock.packages[candidate] !== undefined);
      if (!found)
        missing.set(name, {
          name,
          version,
          parent: path,
          dev: entry.dev === true || entry.devOptional === true,
        });
    }
  }
  return [...missing.values()];
}

/** The lock file with an entry for each missing platform package; throws on one that is not pinned or not a platform's. */
export function completeLock(lock) {
  const packages = { ...lock.packages };
  for (const { name, version, parent, dev } of missingOptional(lock)) {
    const platform = platformOfName(name);
    if (!/^\d+\.\d+\.\d+[0-9A-Za-z.+-]*$/.test(version) || Object.keys(platform).length === 0) {
      throw new Error(`${name}@${version}, wanted by ${parent}, cannot be written from its pin`);
    }
    packages[`node_modules/${name}`] = { version, ...(dev && { dev: true }), optional: true, ...platform };
  }
  const sorted = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  return { ...lock, packages: sorted };
}
