/** The implementations every contract test runs on. The addon is left out only where none could be built. */
import type { ScanLimits, ScanResult } from '../../src/core/envelope.ts';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { fallback } from '../../src/native/fallback.ts';
import { loadNative } from '../../src/native/loader.ts';
import { HEADER_WORDS, type NativePort } from '../../src/native/port.ts';
import { createCodec } from '../../src/protocol/codec/index.ts';

// An empty environment: FERROMCP_NATIVE=0 of the run turns the addon off for the product, not for its own tests.
const addon = loadNative({ env: {} });

export const ADDON: NativePort | undefined = addon.status.loaded ? addon.port : undefined;

export const PORTS: readonly (readonly [string, NativePort])[] =
  ADDON === undefined
    ? [['js', fallback]]
    : [
        ['js', fallback],
        ['native', ADDON],
      ];

export const CODECS = PORTS.map(([name, port]) => [name, createCodec(name, port)] as const);

export const limitWords = (limits: Partial<ScanLimits> = {}): Uint32Array => {
  const all = { ...DEFAULT_LIMITS, ...limits };
  return Uint32Array.of(
    all.jsonDepth,
    all.jsonNodes,
    all.jsonNumber,
    all.idBytes,
    all.methodBytes,
    all.batchMessages,
  );
};

/** Status and every word an implementation writes for a message. */
export function wordsOf(port: NativePort, bytes: Uint8Array, limits: Uint32Array = limitWords()): number[] {
  const out = new Uint32Array(HEADER_WORDS + 2 * 100).fill(0xdeadbeef);
  const status = port.scanEnvelope(bytes, 0, bytes.length, limits, out);
  const elements = status === 0 ? (out[HEADER_WORDS - 1] ?? 0) : 0;
  return [status, ...out.subarray(0, HEADER_WORDS + 2 * elements)];
}

/** The result with `undefined` members left out, for comparison. */
export function plain(result: ScanResult): unknown {
  return JSON.parse(JSON.stringify(result));
}

export const bytesOf = (text: string): Buffer => Buffer.from(text);
export const codeOf = (result: ScanResult): string => (result.ok ? 'accepted' : result.code);
