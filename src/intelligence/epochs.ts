import { createHash } from 'node:crypto';
import { canonicalJson } from '../core/canonical-json.ts';
import { secureId } from '../core/ids.ts';
import type { JsonValue } from '../core/json.ts';
import type { CacheSubject } from '../core/result-cache.ts';
import { packageVersion } from '../native/package-version.ts';

const EPOCH_BYTES = 16;
/** Handlers with a version, over the life of a server; later ones keep their results to this process. */
const MAX_SHARED = 10_000;

/** What results look like besides what their handlers say: identity of the server, hints to clients. */
export type Shape = Readonly<Record<string, unknown>>;

export interface Epoch {
  readonly bytes: Uint8Array;
  /** The same as Latin-1, for keys of maps. */
  readonly text: string;
}

interface Known {
  /** Makes the epoch unlike any other although everything else is alike. */
  nonce: string;
  epoch: Epoch | undefined;
  /** For which definition and shape the epoch was made. */
  definition: object | undefined;
  shape: Shape | undefined;
  /** A public result turned out to depend on who asks. */
  personal: boolean;
}

/**
 * Epochs of subjects: what has another epoch never shares a result. They cover the definition, the shape of results,
 * the version of the package and of the handler, and a nonce. Without a version the nonce is this process's own; with
 * one it is empty for the first handler of that version, and only then other processes come to the same epoch.
 */
export class Epochs {
  readonly #known = new WeakMap<object, Known>();
  /** Epochs without a nonce that a handler of this process has already. */
  readonly #taken = new Set<string>();
  readonly #shape: () => Shape;

  /** @param shape the same object until the shape changes */
  constructor(shape: () => Shape) {
    this.#shape = shape;
  }

  epochOf(subject: CacheSubject): Epoch {
    const known = this.#entry(subject);
    const shape = this.#shape();
    if (known.epoch === undefined || known.shape !== shape || known.definition !== subject.definition) {
      const bytes = digest(fingerprint(subject, shape), known.nonce);
      known.epoch = { bytes, text: Buffer.from(bytes).toString('latin1') };
      known.shape = shape;
      known.definition = subject.definition;
    }
    return known.epoch;
  }

  isPublic(subject: CacheSubject): boolean {
    return subject.policy.scope === 'public' && !this.#entry(subject).personal;
  }

  /** From now on results of the subject are private, and none of the earlier ones is found. */
  makePersonal(subject: CacheSubject): void {
    this.#entry(subject).personal = true;
    this.renew(subject);
  }

  /** Gives the subject an epoch that nothing has had before. */
  renew(subject: CacheSubject): void {
    const known = this.#entry(subject);
    known.nonce = secureId();
    known.epoch = undefined;
  }

  #entry(subject: CacheSubject): Known {
    let known = this.#known.get(subject.answer);
    if (known === undefined) {
      const nonce = this.#firstNonce(subject);
      known = { nonce, epoch: undefined, definition: undefined, shape: undefined, personal: false };
      this.#known.set(subject.answer, known);
    }
    return known;
  }

  #firstNonce(subject: CacheSubject): string {
    if (subject.policy.version === undefined) return secureId();
    const shared = Buffer.from(digest(fingerprint(subject, this.#shape()), '')).toString('hex');
    if (this.#taken.has(shared) || this.#taken.size >= MAX_SHARED) return secureId();
    this.#taken.add(shared);
    return '';
  }
}

function fingerprint(subject: CacheSubject, shape: Shape): string {
  const { method, definition, policy } = subject;
  const parts = { package: packageVersion(), shape, method, definition, version: policy.version ?? null };
  // Through JSON, so that members that are undefined or objects with a `toJSON` count as what goes on the wire.
  return canonicalJson(JSON.parse(JSON.stringify(parts)) as JsonValue);
}

function digest(print: string, nonce: string): Uint8Array {
  const hash = createHash('sha256').update(`${print.length}:${print}${nonce}`).digest();
  return Uint8Array.from(hash.subarray(0, EPOCH_BYTES));
}
