import type { McpClient, Subscription } from '../client/contract.ts';
import type { Logger } from '../core/log.ts';
import type { SubscriptionFilter } from '../core/mcp.ts';

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/**
 * Keeps an upstream telling us of changes: of its lists (modern era; legacy servers do so unasked) and of the resources
 * somebody downstream listens to. Survives reconnections and streams that end.
 */
export class ChangeWatcher {
  readonly #name: string;
  readonly #logger: Logger;
  #client: McpClient | undefined;
  #resources: ReadonlySet<string> = new Set();
  #legacy = new Map<string, Subscription>();
  #stream: { readonly key: string; readonly subscription: Subscription } | undefined;
  #syncing = false;
  #again = false;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | undefined;

  constructor(name: string, logger: Logger) {
    this.#name = name;
    this.#logger = logger;
  }

  get wanted(): boolean {
    return this.#resources.size > 0;
  }

  /** URIs of the upstream that somebody listens to, all of them. */
  watch(resources: ReadonlySet<string>): void {
    if (resources.size === this.#resources.size && [...resources].every((uri) => this.#resources.has(uri)))
      return;
    this.#resources = resources;
    this.#sync();
  }

  /** A connection is open; nothing of an earlier one is left. */
  attach(client: McpClient): void {
    this.detach();
    this.#client = client;
    this.#sync();
  }

  detach(): void {
    clearTimeout(this.#retry);
    this.#client = undefined;
    this.#legacy = new Map();
    this.#stream = undefined;
    this.#retryMs = FIRST_RETRY_MS;
  }

  #sync(): void {
    if (this.#syncing) {
      this.#again = true;
      return;
    }
    const client = this.#client;
    if (client === undefined) return;
    this.#syncing = true;
    this.#again = false;
    const work = client.server?.era === 'modern' ? this.#syncModern(client) : this.#syncLegacy(client);
    work
      .then(
        () => {
          this.#retryMs = FIRST_RETRY_MS;
        },
        (error: unknown) => {
          if (this.#client !== client) return;
          this.#logger.log('warn', 'changes of an upstream cannot be watched', {
            upstream: this.#name,
            error: error instanceof Error ? error.message : String(error),
          });
          this.#retryLater();
        },
      )
      .finally(() => {
        this.#syncing = false;
        if (this.#again) this.#sync();
      });
  }

  async #syncLegacy(client: McpClient): Promise<void> {
    const held = this.#legacy;
    for (const [uri, subscription] of [...held]) {
      if (this.#resources.has(uri)) continue;
      held.delete(uri);
      await subscription.close();
    }
    for (const uri of this.#resources) {
      if (held.has(uri) || this.#client !== client) continue;
      held.set(uri, await client.subscribe({ resourceSubscriptions: [uri] }));
    }
  }

  async #syncModern(client: McpClient): Promise<void> {
    const filter = this.#filter(client);
    const key = JSON.stringify(filter);
    const before = this.#stream;
    if (before?.key === key || (before === undefined && key === '{}')) return;
    if (key === '{}') {
      this.#stream = undefined;
      await before?.subscription.close();
      return;
    }
    const subscription = await client.subscribe(filter);
    if (this.#client !== client) {
      await subscription.close();
      return;
    }
    const stream = { key, subscription };
    this.#stream = stream;
    void subscription.ended.then(({ by }) => {
      if (by === 'closed' || this.#stream !== stream) return;
      this.#stream = undefined;
      this.#retryLater();
    });
    // Only now: no change is missed between the two.
    await before?.subscription.close();
  }

  #filter(client: McpClient): SubscriptionFilter {
    const { tools, prompts, resources } = client.server?.capabilities ?? {};
    return {
      ...(tools?.listChanged === true ? { toolsListChanged: true } : {}),
      ...(prompts?.listChanged === true ? { promptsListChanged: true } : {}),
      ...(resources?.listChanged === true ? { resourcesListChanged: true } : {}),
      ...(resources?.subscribe === true && this.#resources.size > 0
        ? { resourceSubscriptions: [...this.#resources].sort() }
        : {}),
    };
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#sync(), this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
  }
}
