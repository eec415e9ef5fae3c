/** Change notifications: one `subscriptions/listen` stream each (modern), or counted per-resource requests (legacy). */
import { FerroError, RpcError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { JsonRpcNotification } from '../core/jsonrpc.ts';
import type { ServerCapabilities, SubscriptionFilter } from '../core/mcp.ts';
import { META } from '../core/revisions.ts';
import type { MessageOrigin, Subscription, SubscriptionEnd } from './contract.ts';

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';

/** What of `value` is a filter; the server's word, so every member is checked. */
function toFilter(value: unknown): SubscriptionFilter {
  if (!isJsonObject(value)) {
    return {};
  }
  const uris = value['resourceSubscriptions'];
  return {
    ...(value['toolsListChanged'] === true ? { toolsListChanged: true } : {}),
    ...(value['promptsListChanged'] === true ? { promptsListChanged: true } : {}),
    ...(value['resourcesListChanged'] === true ? { resourcesListChanged: true } : {}),
    ...(Array.isArray(uris)
      ? { resourceSubscriptions: uris.filter((uri): uri is string => typeof uri === 'string') }
      : {}),
  };
}

interface Listening {
  acknowledge(filter: SubscriptionFilter): void;
  readonly acknowledged: boolean;
  complete(): void;
}

/** Sends `subscriptions/listen`; settles when that request ends. `onSent` tells its id. */
export type Listen = (
  filter: SubscriptionFilter,
  signal: AbortSignal,
  onSent: (requestId: number | string) => void,
) => Promise<JsonObject>;

export class ListenStreams {
  readonly #active = new Map<number | string, Listening>();
  readonly #listen: Listen;
  readonly #acknowledgeMs: number;

  constructor(listen: Listen, acknowledgeMs: number) {
    this.#listen = listen;
    this.#acknowledgeMs = acknowledgeMs;
  }

  /** Takes what concerns a subscription; true when the notification must not go any further. */
  consume(notification: JsonRpcNotification, origin: MessageOrigin): boolean {
    const meta = isJsonObject(notification.params?.['_meta']) ? notification.params['_meta'] : {};
    const named = meta[META.subscriptionId];
    if (notification.method === 'notifications/cancelled') {
      const ended = notification.params?.['requestId'];
      if (typeof ended === 'string' || typeof ended === 'number') {
        this.#active.get(ended)?.complete();
      }
      return true;
    }
    const id = typeof named === 'string' || typeof named === 'number' ? named : undefined;
    if (notification.method === ACKNOWLEDGED) {
      const key = id ?? origin.requestId;
      if (key !== undefined) {
        this.#active.get(key)?.acknowledge(toFilter(notification.params?.['notifications']));
      }
      return true;
    }
    // Of a subscription that is closed (the message was on its way) or not yet acknowledged: not to be delivered.
    return id !== undefined && this.#active.get(id)?.acknowledged !== true;
  }

  open(filter: SubscriptionFilter): Promise<Subscription> {
    return new Promise((resolve, reject) => {
      const abort = new AbortController();
      let key: number | string | undefined;
      let end: (how: SubscriptionEnd) => void = () => {};
      const ended = new Promise<SubscriptionEnd>((settle) => {
        end = settle;
      });
      let acknowledged = false;
      const timer = setTimeout(() => {
        reject(new FerroError('UPSTREAM_TIMEOUT', { detail: 'subscriptions/listen was not acknowledged' }));
        abort.abort();
      }, this.#acknowledgeMs);
      const finish = (how: SubscriptionEnd): void => {
        clearTimeout(timer);
        if (key !== undefined) {
          this.#active.delete(key);
        }
        end(how);
      };
      const listening: Listening = {
        get acknowledged() {
          return acknowledged;
        },
        acknowledge: (honoured) => {
          if (acknowledged) {
            return;
          }
          acknowledged = true;
          clearTimeout(timer);
          const close = (): Promise<void> => {
            finish({ by: 'closed' });
            abort.abort();
            return Promise.resolve();
          };
          resolve({ honoured, ended, close });
        },
        complete: () => {
          finish({ by: 'completed' });
          abort.abort();
        },
      };
      this.#listen(filter, abort.signal, (requestId) => {
        key = requestId;
        this.#active.set(requestId, listening);
      }).then(
        () => {
          finish({ by: 'completed' });
          reject(
            new FerroError('UPSTREAM_PROTOCOL', { detail: 'subscriptions/listen ended unacknowledged' }),
          );
        },
        (error: unknown) => {
          const reason = error instanceof Error ? error : new Error(String(error));
          finish({ by: 'lost', reason });
          reject(reason);
        },
      );
    });
  }
}

interface Held {
  count: number;
  /** Of the one request that subscribed for all of them. */
  readonly accepted: Promise<unknown>;
}

/** Legacy: list_changed comes unasked, resources are subscribed one by one; two subscriptions to a URI share it. */
export class ResourceSubscriptions {
  readonly #held = new Map<string, Held>();
  readonly #endings = new Set<(how: SubscriptionEnd) => void>();
  readonly #request: (method: string, params: JsonObject) => Promise<unknown>;

  constructor(request: (method: string, params: JsonObject) => Promise<unknown>) {
    this.#request = request;
  }

  /** URIs the server has to be told again in a new session. */
  get uris(): readonly string[] {
    return [...this.#held.keys()];
  }

  async open(filter: SubscriptionFilter, capabilities: ServerCapabilities): Promise<Subscription> {
    const wanted = capabilities.resources?.subscribe === true ? (filter.resourceSubscriptions ?? []) : [];
    const held = new Set<string>();
    try {
      for (const uri of new Set(wanted)) {
        if (await this.#hold(uri)) {
          held.add(uri);
        }
      }
    } catch (error) {
      await this.#release(held);
      throw error;
    }
    const { tools, prompts, resources } = capabilities;
    const honoured: SubscriptionFilter = {
      ...(filter.toolsListChanged === true && tools?.listChanged === true ? { toolsListChanged: true } : {}),
      ...(filter.promptsListChanged === true && prompts?.listChanged === true
        ? { promptsListChanged: true }
        : {}),
      ...(filter.resourcesListChanged === true && resources?.listChanged === true
        ? { resourcesListChanged: true }
        : {}),
      ...(held.size > 0 ? { resourceSubscriptions: [...held] } : {}),
    };
    let end: (how: SubscriptionEnd) => void = () => {};
    const ended = new Promise<SubscriptionEnd>((settle) => {
      end = settle;
    });
    this.#endings.add(end);
    let open = true;
    const close = async (): Promise<void> => {
      if (open) {
        open = false;
        this.#endings.delete(end);
        end({ by: 'closed' });
        await this.#release(held);
      }
    };
    return { honoured, ended, close };
  }

  /** False when the server refuses this resource. */
  async #hold(uri: string): Promise<boolean> {
    let held = this.#held.get(uri);
    if (held === undefined) {
      held = { count: 0, accepted: this.#request('resources/subscribe', { uri }) };
      this.#held.set(uri, held);
    }
    held.count += 1;
    try {
      await held.accepted;
      return true;
    } catch (error) {
      this.#drop(uri);
      if (error instanceof RpcError) {
        return false;
      }
      throw error;
    }
  }

  /** True when nobody is left. */
  #drop(uri: string): boolean {
    const held = this.#held.get(uri);
    if (held === undefined) {
      return false;
    }
    held.count -= 1;
    return held.count <= 0 && this.#held.delete(uri);
  }

  async #release(uris: Iterable<string>): Promise<void> {
    for (const uri of uris) {
      if (this.#drop(uri)) {
        // The subscription is over for us in any case; a server that refuses has nothing to end.
        await this.#request('resources/unsubscribe', { uri }).catch(() => {});
      }
    }
  }

  /** The connection is gone. */
  lost(reason: Error | undefined): void {
    for (const end of this.#endings) {
      end(reason === undefined ? { by: 'closed' } : { by: 'lost', reason });
    }
    this.#endings.clear();
    this.#held.clear();
  }
}
