import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchOutlet, type Outlet } from '../../../src/protocol/outlet.ts';

interface Recorder extends Outlet {
  readonly sent: string[];
  readonly ended: string[];
  abandoned: number;
}

function recorder(canStream = true): Recorder {
  const sent: string[] = [];
  const ended: string[] = [];
  return {
    canStream,
    sent,
    ended,
    abandoned: 0,
    onGone: undefined,
    send: (text) => void sent.push(text),
    end: (text) => void ended.push(text),
    abandon() {
      this.abandoned += 1;
    },
  };
}

describe('a batch', () => {
  it('C13 answers once, with every reply, in whatever order its members end', () => {
    const step = fc.record({
      member: fc.nat(9),
      how: fc.constantFrom('end', 'abandon', 'send', 'end twice'),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 }),
        fc.array(step, { maxLength: 60 }),
        fc.nat(60),
        (count, steps, sealAt) => {
          const parent = recorder();
          const batch = new BatchOutlet(parent);
          const members = Array.from({ length: count }, () => batch.member());
          const replies = new Set<number>();
          const over = new Set<number>();
          const act = (index: number, how: string): void => {
            const member = members[index];
            if (member === undefined) return;
            if (how === 'send') member.send(`note ${index}`);
            else {
              if (!over.has(index) && how !== 'abandon') replies.add(index);
              over.add(index);
              if (how === 'abandon') member.abandon();
              else member.end(String(index), 200);
              if (how === 'end twice') member.end('again', 200);
            }
          };
          let sealed = false;
          for (const [at, { member, how }] of steps.entries()) {
            if (at === sealAt) {
              batch.seal();
              sealed = true;
            }
            act(member, how);
          }
          if (!sealed) batch.seal();
          for (let index = 0; index < count; index += 1) act(index, 'end');
          expect(parent.ended.length + parent.abandoned).toBe(1);
          if (replies.size === 0) expect(parent.abandoned).toBe(1);
          else expect((JSON.parse(parent.ended[0] ?? '') as number[]).sort()).toEqual([...replies].sort());
        },
      ),
    );
  });

  it('C13 members that have ended say nothing more', () => {
    const parent = recorder();
    const batch = new BatchOutlet(parent);
    const [first, second] = [batch.member(), batch.member()];
    first.send('a');
    first.end('1', 200);
    first.send('b');
    second.abandon();
    second.send('c');
    batch.seal();
    expect(parent.sent).toEqual(['a']);
    expect(parent.ended).toEqual(['[1]']);
  });

  it('tells every member that the peer is gone', () => {
    const parent = recorder();
    const batch = new BatchOutlet(parent);
    const gone: number[] = [];
    for (const index of [0, 1, 2]) batch.member().onGone = () => void gone.push(index);
    parent.onGone?.();
    expect(gone).toEqual([0, 1, 2]);
  });

  it('can stream when its channel can', () => {
    expect(new BatchOutlet(recorder(false)).member().canStream).toBe(false);
    expect(new BatchOutlet(recorder(true)).member().canStream).toBe(true);
  });
});
