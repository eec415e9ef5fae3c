import { expect } from 'vitest';
import type { Crossing } from './pairing.ts';

/** One row of the table. */
export interface Feature {
  readonly name: string;
  /**
   * Tries it. What it returns is what the table says; nothing means that it crosses as it is. It throws when the
   * feature does not cross as it should.
   */
  readonly check: (crossing: Crossing) => Promise<string | undefined>;
}

export interface FeatureGroup {
  readonly title: string;
  readonly features: readonly Feature[];
}

/** A row whose check has nothing to tell beyond that it held. */
export const crosses = (name: string, check: (crossing: Crossing) => Promise<void>): Feature => ({
  name,
  check: async (crossing) => {
    await check(crossing);
    return undefined;
  },
});

/** A row that says what was seen. */
export const observed = (name: string, check: (crossing: Crossing) => Promise<string>): Feature => ({
  name,
  check,
});

export const until = (condition: () => boolean | Promise<boolean>): Promise<void> =>
  expect.poll(condition, { timeout: 10_000, interval: 20 }).toBe(true);

/** The JSON-RPC code a request was refused with. */
export async function codeOf(request: Promise<unknown>): Promise<number> {
  const failure = await request.then(
    () => undefined,
    (error: { readonly rpcCode?: number }) => error,
  );
  expect(failure).toBeDefined();
  expect(failure?.rpcCode, String(failure)).toBeTypeOf('number');
  return failure?.rpcCode ?? 0;
}
