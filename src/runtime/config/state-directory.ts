import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where state that survives a restart is kept: `FERROMCP_STATE_DIR`, else `$XDG_STATE_HOME/ferromcp`, else
 * `~/.local/state/ferromcp`. A relative XDG_STATE_HOME is ignored, as its specification asks.
 */
export function defaultStateDirectory(env: Environment = process.env): string {
  const explicit = env['FERROMCP_STATE_DIR'];
  if (explicit !== undefined && explicit !== '') return explicit;
  const base = env['XDG_STATE_HOME'];
  if (base !== undefined && isAbsolute(base)) return join(base, 'ferromcp');
  return join(homedir(), '.local', 'state', 'ferromcp');
}
