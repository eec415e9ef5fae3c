import { ANONYMOUS } from '../core/principal.ts';
import { LATEST_MODERN, LEGACY_REVISIONS, type LegacyRevision } from '../core/revisions.ts';
import type { Registry } from '../features/registry.ts';
import type { CacheRule, PreparedReply, PreparedTable } from '../native/front-port.ts';
import type { ProtocolDeps } from '../protocol/connection.ts';
import { LegacySession } from '../protocol/eras/legacy/session.ts';
import type { Outlet } from '../protocol/outlet.ts';
import type { PreparedSource } from '../transports/http/front.ts';

const LISTS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];
const MODERN = ['server/discover', ...LISTS];
const LEGACY = ['ping', ...LISTS];
const HEAD = '{"jsonrpc":"2.0","id":0,"result":';
const NOTHING: PreparedTable = { open: false, notifications: false, replies: [], rules: [] };

/**
 * The replies that are known before the request comes, for a front that answers by itself. Each is what the protocol
 * really answers, so the bytes are the same on both ways.
 */
export class PreparedReplies implements PreparedSource {
  readonly #protocol: ProtocolDeps;
  /** False while requests must pass code of the application first (middleware). */
  readonly #allowed: () => boolean;
  readonly #rules: () => Iterable<CacheRule>;
  readonly #takers = new Set<(table: PreparedTable) => void>();
  #table: PreparedTable = NOTHING;
  /** Some replies had to wait for something and are not in the table. */
  #lacking = false;
  #rebuild: NodeJS.Immediate | undefined;

  constructor(
    protocol: ProtocolDeps,
    registry: Registry,
    allowed: () => boolean,
    rules: () => Iterable<CacheRule> = () => [],
  ) {
    this.#protocol = protocol;
    this.#allowed = allowed;
    this.#rules = rules;
    registry.onListChanged(() => this.invalidate());
  }

  /** Gives every table to `taker`, now and after each change; the returned function ends that. */
  subscribe(taker: (table: PreparedTable) => void): () => void {
    this.#takers.add(taker);
    taker(this.#table);
    if (this.#rebuild === undefined) this.#schedule();
    return () => this.#takers.delete(taker);
  }

  /** Something that replies depend on has changed: from now on none is given from the table, until it is made anew. */
  invalidate(): void {
    if (this.#takers.size === 0 || this.#rebuild !== undefined) return;
    this.#publish(NOTHING);
    this.#schedule();
  }

  /** Tries again when replies were missing, because an upstream was still starting for example. */
  refresh(): void {
    if (this.#lacking && this.#takers.size > 0 && this.#rebuild === undefined) this.#schedule();
  }

  #schedule(): void {
    // Behind the changes of this turn.
    this.#rebuild = setImmediate(() => {
      this.#rebuild = undefined;
      if (this.#takers.size > 0) this.#publish(this.#build());
    });
    this.#rebuild.unref();
  }

  #publish(table: PreparedTable): void {
    this.#table = table;
    for (const taker of this.#takers) taker(table);
  }

  #build(): PreparedTable {
    this.#lacking = false;
    if (!this.#allowed()) return NOTHING;
    const modern = MODERN.flatMap((method) => this.#prepare(method, LATEST_MODERN, this.#modern(method)));
    const legacy = LEGACY_REVISIONS.flatMap((revision) =>
      LEGACY.flatMap((method) => this.#prepare(method, revision, this.#legacy(method, revision))),
    );
    return { open: true, notifications: true, replies: [...modern, ...legacy], rules: [...this.#rules()] };
  }

  #prepare(method: string, revision: string, text: string | undefined): PreparedReply[] {
    if (text === undefined) this.#lacking = true;
    // Errors (a capability that is not there) are left to the protocol.
    if (text?.startsWith(HEAD) !== true) return [];
    return [{ method, revision, result: text.slice(HEAD.length, -1) }];
  }

  /** What the protocol answers at once; undefined when it has to wait for something. */
  #modern(method: string): string | undefined {
    const params = {
      _meta: {
        'io.modelcontextprotocol/protocolVersion': LATEST_MODERN,
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    };
    const { codec, limits, modern } = this.#protocol;
    const scan = codec.scan(request(method, params), limits);
    if (!scan.ok) return undefined;
    const outlet = new Capture();
    modern.request({ principal: ANONYMOUS, runs: undefined, key: undefined }, scan.envelope, params, outlet);
    return outlet.taken();
  }

  #legacy(method: string, revision: LegacyRevision): string | undefined {
    const { codec, limits, legacy } = this.#protocol;
    const scan = codec.scan(request(method, {}), limits);
    if (!scan.ok) return undefined;
    const session = new LegacySession('prepared', ANONYMOUS, limits);
    session.negotiated = true;
    session.revision = revision;
    const outlet = new Capture();
    legacy.request(session, scan.envelope, {}, outlet);
    const text = outlet.taken();
    session.close();
    return text;
  }
}

function request(method: string, params: object): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 0, method, params }));
}

/** Keeps a reply that comes at once. */
class Capture implements Outlet {
  readonly canStream = false;
  onGone: (() => void) | undefined;
  #text: string | undefined;
  #over = false;

  send(): void {}

  end(text: string): void {
    if (!this.#over) this.#text = text;
  }

  abandon(): void {}

  taken(): string | undefined {
    this.#over = true;
    if (this.#text === undefined) this.onGone?.();
    return this.#text;
  }
}
