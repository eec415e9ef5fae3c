/** Installs the peers at their pinned versions into `bench/.peers`, or says why one cannot take part. */
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmCommand } from '../../scripts/lib/bootstrap.mjs';
import { findOnPath, run } from '../../scripts/lib/process.mjs';
import { hashInputs, readStamp, writeStamp } from '../../scripts/lib/stamp.mjs';

const PEERS_FOLDER = dirname(fileURLToPath(import.meta.url));
/** Where installed peers are. */
export const INSTALLED = join(dirname(PEERS_FOLDER), '.peers');

const TOOLCHAINS = {
  rust: { program: 'cargo', args: ['build', '--release', '--locked'] },
  go: { program: 'go', args: ['build', '-trimpath', '-o', `${join(INSTALLED, 'go')}/`, './...'] },
};

/**
 * What starts a peer that is installed.
 * @param {import('./table.mjs').Peer} peer
 * @returns {string[]}
 */
export function commandOf({ kind, folder, script = 'server.mjs' }) {
  if (kind === 'own') return [process.execPath, join(dirname(PEERS_FOLDER), folder, script)];
  if (kind === 'npm') return [process.execPath, join(INSTALLED, folder, script)];
  return [kind === 'rust' ? join(INSTALLED, 'rust', 'release', folder) : join(INSTALLED, 'go', folder)];
}

/**
 * Installs what the chosen peers need.
 * @param {readonly import('./table.mjs').Peer[]} peers
 * @param {(text: string) => void} say
 * @returns {Promise<Map<string, string>>} why a kind and folder (`npm/fastmcp`, `go`) is not there
 */
export async function installPeers(peers, say) {
  /** @type {Map<string, string>} */
  const missing = new Map();
  const steps = new Map(peers.filter(({ kind }) => kind !== 'own').map((peer) => [sourceOf(peer), peer]));
  mkdirSync(INSTALLED, { recursive: true });
  for (const [source, { kind, folder }] of steps) {
    const problem =
      kind === 'npm'
        ? await installNpm(folder, say)
        : await buildPrograms(/** @type {'rust' | 'go'} */ (kind), say);
    if (problem !== undefined) missing.set(source, problem);
  }
  return missing;
}

/** @param {import('./table.mjs').Peer} peer */
export function sourceOf({ kind, folder }) {
  return kind === 'npm' ? `npm/${folder}` : kind;
}

/**
 * @param {string} folder
 * @param {(text: string) => void} say
 */
async function installNpm(folder, say) {
  const target = join(INSTALLED, folder);
  const stamp = join(target, '.installed');
  const hash = hashInputs(PEERS_FOLDER, [`${folder}/package.json`, `${folder}/package-lock.json`]);
  if (readStamp(stamp) !== hash) {
    say(`installing ${folder}`);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    copySources(folder);
    const npm = npmCommand();
    const flags = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const { code, output } = await run(npm.command, [...npm.args, ...flags], {
      cwd: target,
      shell: npm.shell,
      capture: true,
    });
    if (code !== 0) return `npm ci failed: ${output.trim().slice(-300)}`;
    writeStamp(stamp, hash);
  }
  copySources(folder);
  return undefined;
}

/** The programs run beside their `node_modules`, so that they find their own versions. */
function copySources(/** @type {string} */ folder) {
  cpSync(join(PEERS_FOLDER, folder), join(INSTALLED, folder), { recursive: true });
  cpSync(join(PEERS_FOLDER, 'tools.mjs'), join(INSTALLED, 'tools.mjs'));
}

/**
 * @param {'rust' | 'go'} kind
 * @param {(text: string) => void} say
 */
async function buildPrograms(kind, say) {
  const { program, args } = TOOLCHAINS[kind];
  const target = join(INSTALLED, kind);
  const stamp = join(target, '.installed');
  const skip = (/** @type {string} */ _path, /** @type {string} */ name) => name === 'target';
  const hash = hashInputs(PEERS_FOLDER, [kind], { skip });
  if (readStamp(stamp) === hash) return undefined;
  if (findOnPath(program) === undefined) return `${program} is not installed`;
  say(`building the ${kind} peers with ${program} (minutes, the first time)`);
  mkdirSync(target, { recursive: true });
  const { code, output } = await run(program, args, {
    cwd: join(PEERS_FOLDER, kind),
    env: { ...process.env, CARGO_TARGET_DIR: target },
    capture: true,
  });
  if (code !== 0) return `${program} ${args[0]} failed: ${output.trim().slice(-300)}`;
  if (!existsSync(target)) return `${program} left nothing`;
  writeStamp(stamp, hash);
  return undefined;
}
