/** Results that processes of one host share, over memory that they share. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../src/native/loader.ts';
import { connect } from '../../src/server/index.ts';
import { textOf } from '../unit/client/support.ts';
import { ensureBuilt, ROOT } from './cli-process.ts';

const PROGRAM = join(ROOT, 'test', 'fixtures', 'sharing-server.mjs');
const closings: (() => Promise<unknown> | unknown)[] = [];

beforeAll(ensureBuilt, 120_000);
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

/** Who made the result that a new process gives. */
async function makerIn(...args: readonly string[]): Promise<string> {
  const client = await connect({ command: process.execPath, args: [PROGRAM, ...args] });
  closings.push(() => client.close());
  return textOf((await client.callTool('maker')).content);
}

const freshName = (): string => `test-${randomBytes(8).toString('hex')}`;

describe.runIf(native().status.loaded && process.platform === 'linux')('results of a named version', () => {
  it('are made by one process and given by all of the same name', async () => {
    const name = freshName();
    const first = await makerIn(name, '1');
    expect(first).toMatch(/^made by \d+$/);
    expect(await makerIn(name, '1')).toBe(first);
    expect(await makerIn(freshName(), '1')).not.toBe(first);
  });

  it('J05 are not given by another version', async () => {
    const name = freshName();
    const first = await makerIn(name, '1');
    const second = await makerIn(name, '2');
    expect(second).not.toBe(first);
    expect(await makerIn(name, '2')).toBe(second);
    expect(await makerIn(name, '1')).toBe(first);
  });
});

it('results without a version stay within their process', async () => {
  const name = freshName();
  expect(await makerIn(name)).not.toBe(await makerIn(name));
});
