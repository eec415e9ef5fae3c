import { describe, expect, it } from 'vitest';
import { packed, targets, unpack } from '../../../scripts/lib/fuzz.mjs';

describe('the packs of kept inputs', () => {
  const inputs = ['three', '', 'a', 'four'].map((text) => Buffer.from(text));

  it('give back what was put in, small inputs first', () => {
    expect(unpack(packed(inputs)).map(String)).toEqual(['', 'a', 'four', 'three']);
    expect(unpack(Buffer.alloc(0))).toEqual([]);
  });

  it('keep to their bound', () => {
    const bytes = packed(inputs, 14);
    expect(bytes.length).toBeLessThanOrEqual(14);
    expect(unpack(bytes).map(String)).toEqual(['', 'a']);
  });
});

it('the targets are those of the table in Rust', () => {
  expect(targets()).toContain('envelope');
  expect(targets().length).toBeGreaterThanOrEqual(7);
});
