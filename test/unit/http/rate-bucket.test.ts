import { describe, expect, it } from 'vitest';
import { RateBucket } from '../../../src/transports/http/rate-bucket.ts';

describe('a bucket', () => {
  it('gives so much at once, then what is earned', () => {
    const bucket = new RateBucket(3, 0);
    expect([1, 2, 3, 4].map(() => bucket.spend())).toEqual([true, true, true, false]);
    bucket.earn(2);
    expect([1, 2, 3].map(() => bucket.spend())).toEqual([true, true, false]);
    bucket.earn(1_000);
    expect([1, 2, 3, 4].map(() => bucket.spend())).toEqual([true, true, true, false]);
  });

  it('fills with time', async () => {
    const bucket = new RateBucket(1, 200);
    expect(bucket.spend()).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(bucket.spend()).toBe(true);
  });
});
