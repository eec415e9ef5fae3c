/** Wrong arguments: callers without types, detached and shared memory. */
import { describe, expect, test } from 'vitest';
import { HEADER_WORDS, STATUS } from '../../src/native/port.ts';
import { limitWords, PORTS } from './ports.ts';

const MESSAGE = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"m"}');
const BATCH = Buffer.from('[1,2,3]');

/** What stands in for a parameter of the wrong type. */
const WRONG: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', 7],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-1', -1],
  ['1.5', 1.5],
  ['2^32', 2 ** 32],
  ['2^53', 2 ** 53],
  ['a BigInt', 1n],
  ['a string', '0'],
  ['a symbol', Symbol('x')],
  ['a boolean', true],
  ['an object', {}],
  ['an object that pretends', { valueOf: () => 0, length: 30, buffer: new ArrayBuffer(8) }],
  ['a function', () => 0],
  ['an array', [0, 0, 0, 0, 0, 0]],
  ['an ArrayBuffer', new ArrayBuffer(256)],
  ['a DataView', new DataView(new ArrayBuffer(256))],
  ['an Int32Array', new Int32Array(64)],
  ['a Uint16Array', new Uint16Array(64)],
  ['a Uint8ClampedArray', new Uint8ClampedArray(64)],
  ['a Float64Array', new Float64Array(64)],
  ['a proxy of a typed array', new Proxy(new Uint8Array(64), {})],
  ['a prototype', Uint8Array.prototype],
];

describe.each(PORTS)('misuse of %s', (_name, port) => {
  const scan = (...args: unknown[]): unknown => Reflect.apply(port.scanEnvelope, undefined, args);
  const sound = (): unknown[] => [MESSAGE, 0, MESSAGE.length, limitWords(), new Uint32Array(HEADER_WORDS)];

  test('L02 the arguments of these tests are sound before they are spoilt', () => {
    expect(scan(...sound())).toBe(STATUS.accepted);
  });

  describe.each([
    [0, 'body'],
    [1, 'start'],
    [2, 'end'],
    [3, 'limits'],
    [4, 'out'],
  ])('argument %i (%s)', (index) => {
    test.each(WRONG)('L02 %s -> a status, no throw, no crash', (_title, wrong) => {
      const args = sound();
      args[index] = wrong;
      const isLegalIndex = index === 1 && wrong === 7;
      const status = scan(...args);
      if (isLegalIndex || (index === 2 && wrong === 7)) expect(status).toBe(STATUS.syntax);
      else expect(status).toBe(STATUS.argument);
    });

    test('L02 missing -> a status', () => {
      expect(scan(...sound().slice(0, index))).toBe(STATUS.argument);
    });
  });

  test.each([
    ['start after end', 5, 4],
    ['end after the body', 0, MESSAGE.length + 1],
    ['both after the body', MESSAGE.length + 1, MESSAGE.length + 2],
    ['end 2^32', 0, 2 ** 32],
    ['start just below 0', -Number.MIN_VALUE, 4],
  ])('L02 %s -> a status', (_title, start, end) => {
    expect(scan(MESSAGE, start, end, limitWords(), new Uint32Array(HEADER_WORDS))).toBe(STATUS.argument);
  });

  test('L02 out and limits one word too short -> a status', () => {
    expect(scan(MESSAGE, 0, 4, limitWords(), new Uint32Array(HEADER_WORDS - 1))).toBe(STATUS.argument);
    expect(scan(MESSAGE, 0, 4, new Uint32Array(5), new Uint32Array(HEADER_WORDS))).toBe(STATUS.argument);
  });

  test('L02 out without room for the elements of a batch -> a status, nothing written behind it', () => {
    const memory = new Uint32Array(HEADER_WORDS + 10).fill(0xabcdabcd);
    for (const room of [0, 1, 2, 3, 4, 5]) {
      const out = memory.subarray(0, HEADER_WORDS + room);
      expect(scan(BATCH, 0, BATCH.length, limitWords(), out)).toBe(STATUS.argument);
      expect([...memory.subarray(HEADER_WORDS + room)].every((word) => word === 0xabcdabcd)).toBe(true);
    }
    expect(scan(BATCH, 0, BATCH.length, limitWords(), memory.subarray(0, HEADER_WORDS + 6))).toBe(
      STATUS.accepted,
    );
    expect(memory[HEADER_WORDS + 6]).toBe(0xabcdabcd);
  });

  test('L02 detached memory -> a status', () => {
    const detached = <T extends Uint8Array | Uint32Array>(array: T): T => {
      structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
      return array;
    };
    const body = detached(Uint8Array.from(MESSAGE));
    expect(scan(body, 0, MESSAGE.length, limitWords(), new Uint32Array(HEADER_WORDS))).toBe(STATUS.argument);
    expect(scan(body, 0, 0, limitWords(), new Uint32Array(HEADER_WORDS))).toBe(STATUS.empty);
    expect(scan(MESSAGE, 0, 4, detached(limitWords()), new Uint32Array(HEADER_WORDS))).toBe(STATUS.argument);
    expect(scan(MESSAGE, 0, 4, limitWords(), detached(new Uint32Array(HEADER_WORDS)))).toBe(STATUS.argument);
  });

  test('L02 memory that another thread may change -> a status', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(MESSAGE.length));
    shared.set(MESSAGE);
    expect(scan(shared, 0, shared.length, limitWords(), new Uint32Array(HEADER_WORDS))).toBe(STATUS.argument);
    const out = new Uint32Array(new SharedArrayBuffer(4 * HEADER_WORDS));
    expect(scan(MESSAGE, 0, MESSAGE.length, limitWords(), out)).toBe(STATUS.argument);
  });

  test('L02 out within the body -> a status; beside it is fine', () => {
    const memory = new ArrayBuffer(1_024);
    const body = new Uint8Array(memory, 512, MESSAGE.length);
    body.set(MESSAGE);
    const end = 512 + 4 * Math.ceil(MESSAGE.length / 4);
    const at = (offset: number): unknown =>
      scan(body, 0, body.length, limitWords(), new Uint32Array(memory, offset, HEADER_WORDS));
    expect(at(512 - 4 * HEADER_WORDS + 4)).toBe(STATUS.argument);
    expect(at(512)).toBe(STATUS.argument);
    expect(at(end - 4)).toBe(STATUS.argument);
    expect([...body]).toEqual([...MESSAGE]);
    expect(at(512 - 4 * HEADER_WORDS)).toBe(STATUS.accepted);
    expect(at(end)).toBe(STATUS.accepted);
  });

  test('L02 unaligned, offset and empty bodies are sound', () => {
    const memory = Buffer.concat([Buffer.from('xxx'), MESSAGE]);
    const body = memory.subarray(3);
    expect(scan(body, 0, body.length, limitWords(), new Uint32Array(HEADER_WORDS))).toBe(STATUS.accepted);
    expect(scan(new Uint8Array(0), 0, 0, limitWords(), new Uint32Array(HEADER_WORDS))).toBe(STATUS.empty);
  });

  test('L02 still answers correctly after all that', () => {
    expect(scan(...sound())).toBe(STATUS.accepted);
  });
});
