import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type Limits, resolveLimits } from '../../../src/core/limits.ts';

describe('limits', () => {
  it('are the defaults but for what is changed', () => {
    expect(resolveLimits()).toEqual(DEFAULT_LIMITS);
    expect(resolveLimits({ bodyBytes: 10 })).toEqual({ ...DEFAULT_LIMITS, bodyBytes: 10 });
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY, '10', null])('refuse %s', (bodyBytes) => {
    expect(() => resolveLimits({ bodyBytes } as Partial<Limits>)).toThrow(/limits\.bodyBytes/);
  });

  it('refuse keys that do not exist', () => {
    const wrong = JSON.parse('{"bodybytes":1}') as Partial<Limits>;
    expect(() => resolveLimits(wrong)).toThrow(/limits\.bodybytes/);
    const tricky = JSON.parse('{"__proto__":{"x":1}}') as Partial<Limits>;
    expect(() => resolveLimits(tricky)).toThrow(/__proto__/);
  });
});
