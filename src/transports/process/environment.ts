/**
 * Which variables of our own environment a child process gets. Everything else (tokens, `NODE_OPTIONS`,
 * `LD_PRELOAD`) stays here unless the configuration names it.
 */
const POSIX_NAMES = new Set([
  'PATH',
  'HOME',
  'LANG',
  'LANGUAGE',
  'TMPDIR',
  'USER',
  'SHELL',
  'TERM',
  'LOGNAME',
  'TZ',
]);
const POSIX_PREFIXES = ['XDG_', 'LC_'];
const WINDOWS_NAMES = new Set([
  'APPDATA',
  'COMSPEC',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'NUMBER_OF_PROCESSORS',
  'OS',
  'PATH',
  'PATHEXT',
  'PROCESSOR_ARCHITECTURE',
  'PROGRAMDATA',
  'PROGRAMFILES',
  'PROGRAMFILES(X86)',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'TEMP',
  'TMP',
  'USERDOMAIN',
  'USERNAME',
  'USERPROFILE',
  'WINDIR',
]);

export type Environment = Readonly<Record<string, string | undefined>>;

function isInherited(name: string, platform: NodeJS.Platform): boolean {
  if (platform === 'win32') {
    return WINDOWS_NAMES.has(name.toUpperCase());
  }
  return POSIX_NAMES.has(name) || POSIX_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/**
 * The environment of a child: the allowed part of `parent`, then `configured` on top (an `undefined` value removes the
 * variable).
 */
export function childEnvironment(
  configured: Environment = {},
  parent: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const result = new Map<string, string>();
  for (const [name, value] of Object.entries(parent)) {
    // Values that start with "()" are exported shell functions, which some shells execute.
    if (value !== undefined && isInherited(name, platform) && !value.startsWith('()')) {
      result.set(name, value);
    }
  }
  for (const [name, value] of Object.entries(configured)) {
    if (value === undefined) {
      result.delete(name);
    } else {
      result.set(name, value);
    }
  }
  return Object.fromEntries(result);
}
