/** Child processes of the scripts: run to the end, start as a group, stop the group, ask a port. */
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const KILL_AFTER_MS = 5_000;
/** Output kept of a captured run: enough for any report, bounded for a runaway child. */
const CAPTURE_LIMIT = 64 * 1024 * 1024;

/** Full path of a program on PATH, or undefined. */
export function findOnPath(name, env = process.env) {
  const suffixes = process.platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  for (const folder of (env.PATH ?? env.Path ?? '').split(delimiter)) {
    if (folder === '') continue;
    for (const suffix of suffixes) {
      const file = join(folder, name + suffix);
      try {
        accessSync(file, constants.X_OK);
        if (statSync(file).isFile()) return file;
      } catch {
        // not here
      }
    }
  }
  return undefined;
}

/**
 * Runs a program to its end.
 * @param {{ capture?: boolean, cwd?: string, env?: object, stdio?: any, shell?: boolean, timeout?: number }} options
 * with `capture` the output comes back as text, otherwise it goes to our own stderr so that stdout stays the caller's;
 * `timeout` in ms ends it by a signal
 * @returns {Promise<{ code: number, output: string }>} a program ended by a signal has code 128 or above
 */
export function run(command, args, { capture = false, cwd, env, stdio, shell = false, timeout } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      shell,
      timeout,
      stdio: stdio ?? (capture ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2]),
    });
    const chunks = [];
    let size = 0;
    const keep = (chunk) => {
      size += chunk.length;
      if (size <= CAPTURE_LIMIT) chunks.push(chunk);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', forward);
    process.on('SIGTERM', forward);
    const done = () => {
      process.off('SIGINT', forward);
      process.off('SIGTERM', forward);
    };
    child.once('error', (error) => {
      done();
      reject(error);
    });
    child.once('close', (code) => {
      done();
      resolve({ code: code ?? 128, output: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

/** A free loopback port; taken again by whoever listens first, so listen soon. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/**
 * A long-running child in its own process group, with its output kept for the report of a failure.
 */
export function startBackground(command, args, { cwd, env, name }) {
  const detached = process.platform !== 'win32';
  const child = spawn(command, args, { cwd, env, detached, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk) => {
    output = (output + chunk.toString('utf8')).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let ended;
  const exit = new Promise((resolve) => {
    child.once('error', (error) => {
      keep(Buffer.from(`${error.message}\n`));
      ended = 'could not be started';
      resolve();
    });
    child.once('exit', (code, signal) => {
      ended ??= signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
      resolve();
    });
  });
  const signalGroup = (signal) => {
    if (child.pid === undefined) return;
    try {
      process.kill(detached ? -child.pid : child.pid, signal);
    } catch {
      // already gone
    }
  };
  const killOnExit = () => signalGroup('SIGKILL');
  process.once('exit', killOnExit);
  return {
    name,
    output: () => output,
    /** Why the child is not running any more; undefined while it is. */
    ended: () => ended,
    async stop() {
      signalGroup('SIGTERM');
      const late = new AbortController();
      await Promise.race([exit, sleep(KILL_AFTER_MS, undefined, { signal: late.signal }).catch(() => {})]);
      late.abort();
      signalGroup('SIGKILL');
      await exit;
      process.off('exit', killOnExit);
    },
  };
}

/** Waits until `url` answers 200; fails early with the child's output when the child ends first. */
export async function waitForHealth(url, child, timeoutMs = 30_000) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (child.ended() !== undefined) throw new Error(`${child.name} ${child.ended()}:\n${child.output()}`);
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      await response.arrayBuffer();
      if (response.status === 200) return;
    } catch {
      // not listening yet
    }
    if (Date.now() > deadline)
      throw new Error(`${child.name} did not become ready at ${url}:\n${child.output()}`);
    await sleep(50);
  }
}
