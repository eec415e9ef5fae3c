/** Peers of one server in this process, each with a principal of its own, that exchange raw messages. */

import type { Principal } from '../../src/core/principal.ts';
import { LATEST_MODERN, type Revision } from '../../src/core/revisions.ts';
import { Registry } from '../../src/features/registry.ts';
import { Connection } from '../../src/protocol/connection.ts';
import { type Assembly, assemble } from '../../src/server/assembly.ts';
import type {
  ResourceHandler,
  ResourceOptions,
  ServerOptions,
  ToolHandler,
  ToolOptions,
} from '../../src/server/options.ts';
import { resourceEntry, toolEntry } from '../../src/server/registration.ts';

type Members = Readonly<Record<string, unknown>>;

/** A server without listeners, so that tests say who asks. */
export class Bench {
  readonly registry = new Registry();
  readonly assembly: Assembly;
  serverInfo = { name: 'bench', version: '1.0.0' };

  constructor(options: Partial<ServerOptions> = {}) {
    this.assembly = assemble({ ...this.serverInfo, ...options }, this.registry, {
      middleware: [],
      mounted: () => ({}),
      onRootsChanged: () => {},
      onLogLevel: () => {},
      identity: () => this.#identity,
      pending: () => undefined,
      onPeerGone: () => {},
    });
  }

  get #identity(): {
    readonly serverInfo: { name: string; version: string };
    readonly instructions: undefined;
  } {
    return { serverInfo: this.serverInfo, instructions: undefined };
  }

  tool(name: string, options: ToolOptions<undefined, undefined>, run: ToolHandler<undefined>): void {
    const entry = toolEntry(name, options, run, this.assembly.schemas);
    if (entry instanceof Promise) throw new Error('asynchronous schema');
    this.registry.tools.set(entry);
  }

  resource(uri: string, options: ResourceOptions, read: ResourceHandler): void {
    this.registry.resources.set(resourceEntry(uri, options, read));
  }

  peer(principal: Principal, revision: Revision = LATEST_MODERN): Peer {
    return new Peer(this, principal, revision);
  }

  async close(): Promise<void> {
    await this.assembly.execution.drain(0);
    this.assembly.caching?.close();
  }
}

/** One connection. */
export class Peer {
  readonly #connection: Connection;
  readonly #revision: Revision;
  readonly #waiting = new Map<string, (text: string) => void>();
  /** Everything that came and was no reply to a request. */
  readonly others: string[] = [];
  #next = 0;

  constructor(bench: Bench, principal: Principal, revision: Revision) {
    this.#revision = revision;
    this.#connection = new Connection(bench.assembly.protocol, principal, (text) => this.#receive(text));
    if (revision === LATEST_MODERN) return;
    const params = {
      protocolVersion: revision,
      capabilities: { elicitation: {} },
      clientInfo: { name: 'peer', version: '1' },
    };
    this.send({ jsonrpc: '2.0', id: 'init', method: 'initialize', params });
    this.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  }

  send(message: Members): void {
    this.#connection.receive(Buffer.from(JSON.stringify(message)));
  }

  /** The raw reply to a request; `id` as it shall stand in the message. */
  ask(method: string, params: Members, id?: string): Promise<string> {
    this.#next += 1;
    const raw = id ?? `${this.#next}`;
    const reply = new Promise<string>((resolve) => this.#waiting.set(raw, resolve));
    const text = JSON.stringify(this.#revision === LATEST_MODERN ? withMeta(params) : params);
    this.#connection.receive(
      Buffer.from(`{"jsonrpc":"2.0","id":${raw},"method":"${method}","params":${text}}`),
    );
    return reply;
  }

  /** Sends a request and forgets it at once. */
  cancelled(method: string, params: Members): void {
    this.#next += 1;
    const id = this.#next;
    const all = this.#revision === LATEST_MODERN ? withMeta(params) : params;
    this.send({ jsonrpc: '2.0', id, method, params: all });
    this.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
  }

  call(name: string, args: Members = {}, more: Members = {}): Promise<string> {
    return this.ask('tools/call', { name, arguments: args, ...more });
  }

  close(): void {
    this.#connection.close();
  }

  #receive(text: string): void {
    const id = /^\{"jsonrpc":"2\.0","id":("(?:[^"\\]|\\.)*"|-?\d+),"(?:result|error)"/.exec(text)?.[1];
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || waiting === undefined) {
      this.others.push(text);
      return;
    }
    this.#waiting.delete(id);
    waiting(text);
  }
}

function withMeta(params: Members): Members {
  const own = (params['_meta'] ?? {}) as object;
  return {
    ...params,
    _meta: {
      'io.modelcontextprotocol/protocolVersion': LATEST_MODERN,
      'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
      ...own,
    },
  };
}

/** Text of the first content block or contents of a reply. */
export function answerIn(reply: string): string | undefined {
  const { result } = JSON.parse(reply) as {
    result?: { content?: { text?: string }[]; contents?: { text?: string }[] };
  };
  return (result?.content ?? result?.contents)?.[0]?.text;
}
