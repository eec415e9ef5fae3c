import { describe, expect, it } from 'vitest';
import { FerroError, inspectable, RpcError } from '../../../src/core/errors.ts';
import { SILENT } from '../../../src/core/log.ts';
import { wireError } from '../../../src/protocol/frames.ts';

class Failing {
  get message(): string {
    throw new Error('secret');
  }
}

describe('what application code throws', () => {
  it('is kept when it can be looked at', () => {
    for (const thrown of [
      new Error('x'),
      new FerroError('INTERNAL'),
      new RpcError(1, 'x'),
      'x',
      7,
      null,
      undefined,
      {},
      Symbol('x'),
    ])
      expect(inspectable(thrown)).toBe(thrown);
  });

  it.each([
    [
      'a proxy whose every trap throws',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('secret');
          },
          getPrototypeOf: () => {
            throw new Error('secret');
          },
        },
      ),
    ],
    ['an error whose message is a getter that throws', Object.setPrototypeOf(new Failing(), new Error('x'))],
    [
      'an error whose message is no text',
      Object.assign(new Error('x'), { message: { toString: () => 'secret' } }),
    ],
    ['an error whose name is a symbol', Object.assign(new Error('x'), { name: Symbol('secret') })],
  ])('A16 %s never fails the report', (_title, thrown: unknown) => {
    const error = wireError(inspectable(thrown), SILENT);
    expect(error.rpc).toBe(-32603);
    expect(error.data).toMatchObject({
      code: 'INTERNAL',
      correlationId: expect.stringMatching(/^[\w-]{12}$/),
    });
    expect(JSON.stringify(error)).not.toContain('secret');
  });
});
