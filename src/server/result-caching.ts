import type { Logger } from '../core/log.ts';
import type { Implementation } from '../core/mcp.ts';
import { cacheRules, forgetResource, type NamedRule } from '../features/cached/cache-rules.ts';
import { CachedAnswers } from '../features/cached/cached-answers.ts';
import type { Registry } from '../features/registry.ts';
import { resolveSonaOptions, type SonaOptions, SonaResultCache } from '../intelligence/index.ts';
import type { ResultEncoder } from '../protocol/result-encoder.ts';

export interface ResultCachingDeps {
  readonly registry: Registry;
  readonly encoder: ResultEncoder;
  readonly logger: Logger;
  readonly hasMiddleware: () => boolean;
  /** The same object until the server's identity changes. */
  readonly serverInfo: () => Implementation;
  /** Hints that reads carry in the modern era. */
  readonly hints: { readonly ttlMs: number; readonly cacheScope: string };
}

/** The cache of a server's results, and what a native front needs to look results up by itself. */
export interface ResultCaching {
  readonly answers: CachedAnswers;
  /** Tools and resources whose results may be looked up, as of now. */
  rules(): Iterable<NamedRule>;
  /** Runs `listener` when rules have changed although nothing was registered. */
  onRulesChanged(listener: () => void): () => void;
  /** Handle of the store in the addon. */
  storeHandle(): number;
  close(): void;
}

/**
 * Brings features and cache together; undefined when the options switch it off.
 * @throws FerroError CONFIG_INVALID, CONFIG_UNKNOWN_KEY
 */
export function resultCaching(
  options: SonaOptions | undefined,
  deps: ResultCachingDeps,
): ResultCaching | undefined {
  if (!resolveSonaOptions(options).enabled) return undefined;
  const { registry, encoder, logger, hints, hasMiddleware } = deps;
  let shape = { serverInfo: deps.serverInfo(), ...hints };
  const cache = new SonaResultCache({
    options: options ?? {},
    logger,
    now: Date.now,
    shape: () => {
      const serverInfo = deps.serverInfo();
      if (serverInfo !== shape.serverInfo) shape = { serverInfo, ...hints };
      return shape;
    },
  });
  registry.subscriptions.onUpdate((uri) => forgetResource(registry, cache, uri));
  return {
    answers: new CachedAnswers({ cache, encoder, hasMiddleware }),
    rules: () => cacheRules(registry, cache),
    onRulesChanged: (listener) => cache.onRulesChanged(listener),
    storeHandle: () => cache.sona.handle,
    close: () => cache.close(),
  };
}
