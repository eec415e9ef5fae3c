import { FerroError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { Limits } from '../../core/limits.ts';
import type { ServerCapabilities, SubscriptionFilter } from '../../core/mcp.ts';
import type { Call } from '../../protocol/call.ts';
import { notificationFrame } from '../../protocol/frames.ts';
import { DetachedResult, type MethodHandler } from '../../protocol/handler.ts';
import type { ListKind, Registry } from '../registry.ts';

const LIST_METHODS: Readonly<Record<ListKind, string>> = {
  tools: 'notifications/tools/list_changed',
  resources: 'notifications/resources/list_changed',
  prompts: 'notifications/prompts/list_changed',
};

export interface ListenDeps {
  readonly registry: Registry;
  readonly limits: Limits;
  readonly capabilities: () => ServerCapabilities;
}

/**
 * `subscriptions/listen` (2026-07-28, subscriptions): acknowledges first, then sends what was asked for, each message
 * tagged with the id of this request, until the client leaves or the server stops.
 */
export class ListenHandler implements MethodHandler {
  readonly #deps: ListenDeps;
  #open = 0;

  constructor(deps: ListenDeps) {
    this.#deps = deps;
  }

  handle(params: JsonObject, call: Call): DetachedResult {
    const wanted = readFilter(params['notifications'], this.#deps.limits);
    if (!call.outlet.canStream) throw new FerroError('HTTP_ACCEPT');
    if (this.#open >= this.#deps.limits.listenStreams) throw new FerroError('QUOTA_STREAMS');
    this.#open += 1;
    const honoured = this.#honoured(wanted);
    const send = (method: string, body: JsonObject): void => {
      call.outlet.send(notificationFrame(method, withSubscriptionId(body, call.idRaw)));
    };
    send('notifications/subscriptions/acknowledged', { notifications: honoured as unknown as JsonObject });
    const stops = this.#attach(honoured, send);
    return new DetachedResult(() => {
      this.#open -= 1;
      for (const stop of stops) stop();
    });
  }

  /** The part of the filter that this server can serve (2026-07-28, subscriptions, Acknowledgment). */
  #honoured(wanted: SubscriptionFilter): SubscriptionFilter {
    const { tools, prompts, resources } = this.#deps.capabilities();
    return {
      ...(wanted.toolsListChanged === true && tools?.listChanged === true ? { toolsListChanged: true } : {}),
      ...(wanted.promptsListChanged === true && prompts?.listChanged === true
        ? { promptsListChanged: true }
        : {}),
      ...(wanted.resourcesListChanged === true && resources?.listChanged === true
        ? { resourcesListChanged: true }
        : {}),
      ...(wanted.resourceSubscriptions !== undefined && resources?.subscribe === true
        ? { resourceSubscriptions: wanted.resourceSubscriptions }
        : {}),
    };
  }

  #attach(
    filter: SubscriptionFilter,
    send: (method: string, body: JsonObject) => void,
  ): readonly (() => void)[] {
    const { registry } = this.#deps;
    const kinds = new Set<ListKind>();
    if (filter.toolsListChanged === true) kinds.add('tools');
    if (filter.promptsListChanged === true) kinds.add('prompts');
    if (filter.resourcesListChanged === true) kinds.add('resources');
    const stops: (() => void)[] = [];
    if (kinds.size > 0)
      stops.push(coalesced(registry, (kind) => kinds.has(kind) && send(LIST_METHODS[kind], {})));
    for (const uri of filter.resourceSubscriptions ?? []) {
      stops.push(registry.subscriptions.add(uri, () => send('notifications/resources/updated', { uri })));
    }
    return stops;
  }
}

/** Calls back once per kind and turn of the event loop, however many entries changed in it. */
export function coalesced(registry: Registry, listener: (kind: ListKind) => void): () => void {
  const due = new Set<ListKind>();
  let stopped = false;
  const stop = registry.onListChanged((kind) => {
    if (due.size === 0) {
      setImmediate(() => {
        const kinds = [...due];
        due.clear();
        if (!stopped) for (const each of kinds) listener(each);
      });
    }
    due.add(kind);
  });
  return () => {
    stopped = true;
    stop();
  };
}

export function listChangedMethod(kind: ListKind): string {
  return LIST_METHODS[kind];
}

function withSubscriptionId(body: JsonObject, idRaw: string): string {
  const rest = JSON.stringify(body);
  const meta = `{"_meta":{"io.modelcontextprotocol/subscriptionId":${idRaw}}`;
  return rest === '{}' ? `${meta}}` : `${meta},${rest.slice(1)}`;
}

function readFilter(value: JsonValue | undefined, limits: Limits): SubscriptionFilter {
  if (!isJsonObject(value))
    throw new FerroError('INVALID_PARAMS', { detail: 'notifications must be an object' });
  for (const name of ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged']) {
    if (value[name] !== undefined && typeof value[name] !== 'boolean') {
      throw new FerroError('INVALID_PARAMS', { detail: `${name} must be a boolean` });
    }
  }
  const uris = value['resourceSubscriptions'];
  if (uris === undefined) return value as SubscriptionFilter;
  if (!Array.isArray(uris) || !uris.every((uri) => typeof uri === 'string')) {
    throw new FerroError('INVALID_PARAMS', { detail: 'resourceSubscriptions must be an array of strings' });
  }
  if (uris.length > limits.subscriptionsPerPeer) throw new FerroError('QUOTA_SUBSCRIPTIONS');
  return { ...(value as SubscriptionFilter), resourceSubscriptions: [...new Set(uris as string[])] };
}
