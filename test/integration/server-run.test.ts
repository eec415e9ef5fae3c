/** A server that runs itself as a program: on stdio, or on HTTP where `--port` or PORT says so. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { connect } from '../../src/server/index.ts';
import { textOf } from '../unit/client/support.ts';
import { ensureBuilt, ROOT } from './cli-process.ts';

const PROGRAM = join(ROOT, 'test', 'fixtures', 'run-program.mjs');
const closings: (() => Promise<unknown> | unknown)[] = [];

beforeAll(ensureBuilt, 120_000);
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

it('serves stdio, and survives a rejection that a handler forgot (A16)', async () => {
  const client = await connect({ command: process.execPath, args: [PROGRAM] });
  closings.push(() => client.close());
  expect(textOf((await client.callTool('forgets')).content)).toBe('done');
  expect(textOf((await client.callTool('fine')).content)).toBe('fine');
});

it.each([
  { title: '--port', args: ['--port', '0'], env: {} },
  { title: '--port=', args: ['--port=0'], env: {} },
  { title: 'PORT', args: [], env: { PORT: '0' } },
])('serves HTTP when $title says where, and ends on SIGTERM', async ({ args, env }) => {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  closings.push(() => child.kill('SIGKILL'));
  const url = await new Promise<string>((resolve) => {
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const match = /listening on (\S+)\n/.exec(text);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
  });
  const client = await connect(url);
  expect(textOf((await client.callTool('forgets')).content)).toBe('done');
  expect(textOf((await client.callTool('fine')).content)).toBe('fine');
  await client.close();
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

it('refuses a port that is none', async () => {
  const child = spawn(process.execPath, [PROGRAM, '--port', '70000'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  closings.push(() => child.kill('SIGKILL'));
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(1);
  expect(text).toContain('port must be 0…65535');
});
