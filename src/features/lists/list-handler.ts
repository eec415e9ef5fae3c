import { FerroError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { Limits } from '../../core/limits.ts';
import type { Call } from '../../protocol/call.ts';
import { EncodedResult, type MethodHandler } from '../../protocol/handler.ts';
import type { ResultEncoder } from '../../protocol/result-encoder.ts';
import type { Sealer } from '../../protocol/seal.ts';
import type { Catalogue } from '../catalogue.ts';
import type { EntrySource } from '../registry.ts';

export interface ListDeps {
  readonly encoder: ResultEncoder;
  readonly sealer: Sealer;
  readonly limits: Limits;
  readonly sources: readonly EntrySource[];
}

interface ListedEntry {
  readonly source?: string;
  readonly definition: object;
}

/** Position after which a page starts: the key of the last entry shown, and where it stood. */
interface Position {
  readonly key: string;
  readonly index: number;
}

/**
 * `tools/list`, `resources/list`, `resources/templates/list` and `prompts/list`. A page is a pure function of the
 * catalogue's epoch, the revision and the position: its JSON text is made once and reused until the catalogue changes.
 */
export class ListHandler<T extends ListedEntry> implements MethodHandler {
  readonly #method: string;
  readonly #member: string;
  readonly #catalogue: Catalogue<T>;
  readonly #keyOf: (entry: T) => string;
  readonly #deps: ListDeps;
  #epoch = -1;
  #pages = new Map<string, EncodedResult>();

  constructor(
    method: string,
    member: string,
    catalogue: Catalogue<T>,
    keyOf: (entry: T) => string,
    deps: ListDeps,
  ) {
    this.#method = method;
    this.#member = member;
    this.#catalogue = catalogue;
    this.#keyOf = keyOf;
    this.#deps = deps;
  }

  handle(params: JsonObject, call: Call): EncodedResult | Promise<EncodedResult> {
    const after = this.#position(params['cursor']);
    const pending = this.#pending(call);
    if (pending !== undefined) return pending.then(() => this.#page(after, call));
    return this.#page(after, call);
  }

  #pending(call: Call): Promise<unknown> | undefined {
    let waits: Promise<void>[] | undefined;
    for (const source of this.#deps.sources) {
      const wait = source.pending(call);
      if (wait === undefined) continue;
      waits ??= [];
      waits.push(wait);
    }
    return waits === undefined ? undefined : Promise.all(waits);
  }

  #page(after: Position | undefined, call: Call): EncodedResult {
    if (this.#epoch !== this.#catalogue.epoch) {
      this.#epoch = this.#catalogue.epoch;
      this.#pages = new Map();
    }
    const start = after === undefined ? 0 : this.#startAfter(after);
    const key = `${call.revision} ${start}`;
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const page = new EncodedResult(
      this.#deps.encoder.encode(this.#method, this.#build(start), call.revision),
    );
    // Starts are bounded by the catalogue, so the map is too.
    this.#pages.set(key, page);
    return page;
  }

  #build(start: number): JsonObject {
    const entries = this.#catalogue.list();
    const end = start + this.#deps.limits.pageSize;
    const definitions = entries.slice(start, end).map((entry) => entry.definition as JsonValue);
    const last = entries[end - 1];
    if (end >= entries.length || last === undefined) return { [this.#member]: definitions };
    const position: Position = { key: this.#keyOf(last), index: end - 1 };
    const nextCursor = this.#deps.sealer.seal(this.#purpose(), position as unknown as JsonValue);
    return { [this.#member]: definitions, nextCursor };
  }

  /** After the entry of the cursor where it stands now; if it is gone, from where it stood. */
  #startAfter(position: Position): number {
    const entries = this.#catalogue.list();
    const there = entries[position.index];
    if (there !== undefined && this.#keyOf(there) === position.key) return position.index + 1;
    const index = entries.findIndex((entry) => this.#keyOf(entry) === position.key);
    return index >= 0 ? index + 1 : Math.min(position.index, entries.length);
  }

  #position(cursor: JsonValue | undefined): Position | undefined {
    if (cursor === undefined) return undefined;
    if (typeof cursor !== 'string' || cursor.length > this.#deps.limits.cursorBytes) {
      throw new FerroError('CURSOR_INVALID');
    }
    const position = this.#deps.sealer.open(this.#purpose(), cursor);
    if (
      !isJsonObject(position) ||
      typeof position['key'] !== 'string' ||
      typeof position['index'] !== 'number'
    ) {
      throw new FerroError('CURSOR_INVALID');
    }
    return { key: position['key'], index: position['index'] };
  }

  #purpose(): string {
    return `cursor ${this.#method}`;
  }
}
