import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Catalogue } from '../../../src/features/catalogue.ts';

interface Entry {
  readonly name: string;
  readonly source?: string;
  readonly stamp: number;
}
const catalogue = (): Catalogue<Entry> => new Catalogue<Entry>((entry) => entry.name);

describe('a catalogue', () => {
  it('keeps the order of registration, also when an entry is replaced', () => {
    const entries = catalogue();
    for (const name of ['b', 'a', 'c']) entries.add({ name, stamp: 0 });
    entries.set({ name: 'a', stamp: 1 });
    expect(entries.list().map(({ name, stamp }) => `${name}${stamp}`)).toEqual(['b0', 'a1', 'c0']);
  });

  it('refuses a name that is taken', () => {
    const entries = catalogue();
    entries.add({ name: 'a', stamp: 0 });
    expect(() => entries.add({ name: 'a', stamp: 1 })).toThrow(
      expect.objectContaining({ code: 'NAME_TAKEN' }),
    );
    expect(entries.get('a')?.stamp).toBe(0);
  });

  it.each(['__proto__', 'constructor', 'toString'])('C09 %s is a name like any other', (name) => {
    const entries = catalogue();
    expect(entries.get(name)).toBeUndefined();
    entries.add({ name, stamp: 1 });
    expect(entries.get(name)?.stamp).toBe(1);
    expect(entries.delete(name)).toBe(true);
  });

  it('agrees with a model, and its epoch moves at every change and at nothing else', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const source = fc.constantFrom('s1', 's2');
    const action = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), name, stamp: fc.nat(9) }),
      fc.record({ kind: fc.constant('delete' as const), name }),
      fc.record({ kind: fc.constant('replace' as const), source, names: fc.array(name, { maxLength: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const entries = catalogue();
        const model = new Map<string, string | undefined>();
        let told = 0;
        entries.onChange(() => {
          told += 1;
        });
        for (const each of actions) {
          const { epoch } = entries;
          const before = told;
          let changed = true;
          if (each.kind === 'set') {
            entries.set({ name: each.name, stamp: each.stamp });
            model.set(each.name, undefined);
          } else if (each.kind === 'delete') {
            changed = model.delete(each.name);
            expect(entries.delete(each.name)).toBe(changed);
          } else {
            const refused = entries.replaceSource(
              each.source,
              each.names.map((one) => ({ name: one, source: each.source, stamp: 0 })),
            );
            const foreign = each.names.filter((one) => model.has(one) && model.get(one) !== each.source);
            for (const one of foreign) expect(refused).toContain(one);
            for (const [one, owner] of [...model]) if (owner === each.source) model.delete(one);
            for (const one of each.names) if (!foreign.includes(one)) model.set(one, each.source);
          }
          if (each.kind !== 'replace')
            expect([entries.epoch > epoch, told > before]).toEqual([changed, changed]);
          expect(new Map(entries.list().map((entry) => [entry.name, entry.source]))).toEqual(model);
          expect(entries.size).toBe(model.size);
        }
      }),
    );
  });
});
