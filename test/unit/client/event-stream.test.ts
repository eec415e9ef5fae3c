/** Event streams as bytes, against the parser of the `eventsource-parser` package. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventStreamParser, type StreamEvent } from '../../../src/transports/client/event-stream.ts';

interface Seen {
  readonly event: string | undefined;
  readonly id: string | undefined;
  readonly data: string;
}

function ours(pieces: readonly Buffer[], limit = 10_000): { events: Seen[]; retries: number[] } {
  const events: Seen[] = [];
  const retries: number[] = [];
  const parser = new EventStreamParser({
    limit,
    event: ({ event, id, data }: StreamEvent) => events.push({ event, id, data: data.joined().toString() }),
    retry: (ms) => retries.push(ms),
  });
  for (const piece of pieces) parser.push(piece);
  return { events, retries };
}

function theirs(text: string): { events: Seen[]; retries: number[] } {
  const events: Seen[] = [];
  const retries: number[] = [];
  const parser = createParser({
    onEvent: ({ event, id, data }: EventSourceMessage) => events.push({ event, id, data }),
    onRetry: (ms) => retries.push(ms),
  });
  parser.feed(text);
  return { events, retries };
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [0, ...[...at].sort((a, b) => a - b).filter((each) => each < bytes.length), bytes.length];
  return cuts.slice(1).map((end, index) => Buffer.from(bytes.subarray(cuts[index], end)));
}

const word = fc.constantFrom('', ' ', 'x', ':', 'é€', '7', 'data', ' a: b', '\0', '{"a":1}', 'y'.repeat(40));
const line = fc.oneof(
  fc
    .tuple(fc.constantFrom('data:', 'data: ', 'data', 'event: ', 'id: ', 'retry: ', ': ', 'foo: '), word)
    .map((parts) => parts.join('')),
  word,
  fc.constant(''),
  fc.constant('data: x'),
);

describe('event streams', () => {
  it('read as the reference parser reads them, wherever they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r', '\n')), { maxLength: 16 }),
        fc.array(fc.nat(120), { maxLength: 8 }),
        (lines, cuts) => {
          // It waits at a CR for what may follow.
          const text = `${lines.map((parts) => parts.join('')).join('')}\n\n`;
          const expected = theirs(text);
          const seen = ours(cut(Buffer.from(text), cuts));
          expect(seen.retries).toEqual(expected.retries);
          // Ours also tells of ids that come without data.
          expect(seen.events.filter(({ data, id }) => data !== '' || id === undefined)).toEqual(
            expected.events.filter(({ data, id }) => data !== '' || id === undefined),
          );
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('an id without data is told: a stream may be taken up after it', () => {
    expect(ours([Buffer.from('id: 7\n\ndata: x\n\n')]).events).toEqual([
      { event: undefined, id: '7', data: '' },
      { event: undefined, id: undefined, data: 'x' },
    ]);
  });

  it('a byte-order mark before the first field is passed over', () => {
    const bytes = Buffer.from('\ufeffdata: x\n\n');
    for (const pieces of [[bytes], cut(bytes, [1, 2, 3, 4])]) expect(ours(pieces).events).toHaveLength(1);
  });

  it('an unfinished event at the end is none', () => {
    expect(ours([Buffer.from('data: x\n')]).events).toEqual([]);
  });

  it('K12 the limit holds at N and N + 1 over several lines', () => {
    const stream = (bytes: number): Buffer =>
      Buffer.from(`data: ${'x'.repeat(6)}\ndata: ${'x'.repeat(bytes)}\n\n`);
    expect(ours([stream(3)], 10).events).toHaveLength(1);
    expect(() => ours([stream(4)], 10)).toThrow(/larger than 10 bytes/);
  });

  it('K12 endless names, values and comments take no memory and end no stream', () => {
    const long = Buffer.alloc(1024 * 1024, 0x78);
    const pieces = ['foo: ', ': ', '', 'id: ', 'event: '].flatMap((start) => [
      Buffer.from(start),
      ...Array<Buffer>(20).fill(long),
      Buffer.from('\n'),
    ]);
    expect(ours([...pieces, Buffer.from('data: x\n\n')], 100).events).toEqual([
      { event: undefined, id: undefined, data: 'x' },
    ]);
  });

  it('K12 many lines of one byte are kept as their bytes, not as many pieces', () => {
    const lines = Buffer.from('data: x\n'.repeat(100_000));
    const before = process.memoryUsage();
    const { events } = ours([lines, Buffer.from('\n')], 1024 * 1024);
    const after = process.memoryUsage();
    expect(events[0]?.data).toHaveLength(199_999);
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(64e6);
  });
});
