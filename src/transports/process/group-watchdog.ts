/**
 * Ends our children when this process dies in a way that runs no handler (SIGKILL, out of memory). One small `sh`
 * in a session of its own reads the process groups we start and stop from a pipe; when the pipe closes because we are
 * gone, it signals whatever is left.
 */
import { type ChildProcess, spawn } from 'node:child_process';

// "+ 42" adds a group, "- 42" forgets it. At end of input: TERM, a second to obey, KILL. No "--" before the group:
// the `kill` of dash does not take it.
const SCRIPT = `
groups=""
while read -r op group; do
  case "$op" in
    +) groups="$groups $group" ;;
    -) kept=""
       for g in $groups; do [ "$g" = "$group" ] || kept="$kept $g"; done
       groups="$kept" ;;
  esac
done
[ -n "$groups" ] || exit 0
for g in $groups; do kill -TERM "-$g"; done 2>/dev/null
sleep 1
for g in $groups; do kill -KILL "-$g"; done 2>/dev/null
exit 0
`;

let watchdog: ChildProcess | undefined;
let watched = 0;

function start(): ChildProcess | undefined {
  const child = spawn('/bin/sh', ['-c', SCRIPT], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
  });
  // Without a shell on the machine the exit handler of the registry is all there is.
  const forget = (): void => {
    if (watchdog === child) {
      watchdog = undefined;
    }
  };
  child.on('error', forget);
  child.on('exit', forget);
  child.stdin.on('error', forget);
  child.unref();
  // A socket in fact; it must not keep this process alive.
  (child.stdin as Partial<{ unref(): void }>).unref?.();
  return child;
}

function write(line: string): void {
  const stdin = watchdog?.stdin;
  if (stdin?.writable === true) {
    stdin.write(line);
  }
}

/** Adds a process group; the first one starts the watchdog. */
export function watchGroup(group: number, known: Iterable<number>): void {
  if (watchdog === undefined) {
    watchdog = start();
    for (const other of known) {
      if (other !== group) {
        write(`+ ${other}\n`);
      }
    }
  }
  watched += 1;
  write(`+ ${group}\n`);
}

/** Forgets a process group that is gone; the last one ends the watchdog. */
export function unwatchGroup(group: number): void {
  watched -= 1;
  write(`- ${group}\n`);
  if (watched === 0) {
    watchdog?.stdin?.end();
    watchdog = undefined;
  }
}
