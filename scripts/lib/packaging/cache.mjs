import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../process.mjs';

/** Things fetched for packaging; safe to delete. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ferromcp');

/** Runs a program to its end and returns what it said; an error carries all of that. */
export async function must(command, args, options = {}) {
  const { code, output } = await run(command, args, { capture: true, ...options });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output.trimEnd()}`);
  return output;
}
