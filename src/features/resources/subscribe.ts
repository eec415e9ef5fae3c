import { FerroError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Limits } from '../../core/limits.ts';
import type { Call } from '../../protocol/call.ts';
import type { MethodHandler } from '../../protocol/handler.ts';
import type { Registry } from '../registry.ts';
import { matchTemplate, notFound, requireUri } from './read-resource.ts';

/** True when the server has anything to say about the URI. */
export function isKnownResource(registry: Registry, uri: string): boolean {
  return (
    registry.resources.get(uri) !== undefined ||
    matchTemplate(registry, uri) !== undefined ||
    registry.fallbacks.length > 0
  );
}

/** `resources/subscribe` (legacy). Subscribing twice is the same as once. */
export function subscribeHandler(registry: Registry, limits: Limits): MethodHandler {
  return {
    handle(params: JsonObject, call: Call): JsonObject {
      const uri = requireUri(params);
      const { session } = call;
      if (session === undefined || session.subscriptions.has(uri)) return {};
      if (!isKnownResource(registry, uri)) throw notFound(uri);
      if (session.subscriptions.size >= limits.subscriptionsPerPeer)
        throw new FerroError('QUOTA_SUBSCRIPTIONS');
      const stop = registry.subscriptions.add(uri, () => {
        session.notify('notifications/resources/updated', { uri });
      });
      session.subscriptions.set(uri, stop);
      return {};
    },
  };
}

/** `resources/unsubscribe` (legacy). Unknown URIs are ignored. */
export function unsubscribeHandler(): MethodHandler {
  return {
    handle(params: JsonObject, call: Call): JsonObject {
      const uri = requireUri(params);
      call.session?.subscriptions.get(uri)?.();
      call.session?.subscriptions.delete(uri);
      return {};
    },
  };
}
