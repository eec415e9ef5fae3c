/**
 * The interface between the features, which know what a result is, and the cache, which knows keys, time and memory.
 * `src/intelligence/` implements it and `src/server/` brings both together.
 */
import type { JsonObject } from './json.ts';
import type { Principal } from './principal.ts';
import type { Revision } from './revisions.ts';

/** How long the results of one tool, resource or template may be kept, and for whom. */
export interface CachePolicy {
  /** Milliseconds from the moment the result was made. */
  readonly ttlMs: number;
  /** `private`: for the same principal with the same scopes only. */
  readonly scope: 'private' | 'public';
  /** Names the code behind the results. Only with a version are they shared between processes. */
  readonly version: string | undefined;
  /**
   * Results come from elsewhere and say themselves how long they may be kept (2026-07-28, caching); `ttlMs` is the most.
   * Those that do not say are not kept.
   */
  readonly declared?: true;
}

/** What answers: one registered tool, resource or template. */
export interface CacheSubject {
  readonly method: 'tools/call' | 'resources/read';
  readonly definition: object;
  /** The function that answers; another function is another subject. */
  readonly answer: object;
  readonly policy: CachePolicy;
}

export interface CachedRequest {
  readonly subject: CacheSubject;
  /** Tool name or URI. */
  readonly name: string;
  readonly params: JsonObject;
  readonly revision: Revision;
  readonly principal: Principal;
  /** `wire`: text in the shape of the revision; `plain`: text of the era-neutral result, for middleware to look into. */
  readonly form: 'wire' | 'plain';
}

/** What has become of a flight that was waited for. */
export type Landed =
  | { readonly kind: 'hit'; readonly text: string }
  /** The one who ran it is gone: ask again. */
  | { readonly kind: 'retry' }
  /** It gave nothing that others may have: everyone runs alone. */
  | { readonly kind: 'alone' };

export type CacheAttempt =
  | { readonly kind: 'hit'; readonly text: string }
  /** Nobody else is at it: run, and tell the outcome with `settle`, exactly once. */
  | { readonly kind: 'lead'; readonly flight: Flight }
  /** The same request is running: wait for it. */
  | { readonly kind: 'wait'; readonly landing: Promise<Landed> };

/** One run that others may be waiting for. Only the first outcome counts. */
export interface Flight {
  /**
   * The result may be kept, for `ttlMs` at most. `personal`: it depends on the principal, whatever the policy says.
   */
  keep(text: string, personal: boolean, ttlMs?: number): void;
  /** There is a result or an error, but not for anyone else. */
  drop(): void;
  /** The caller has gone; someone else shall run. */
  abandon(): void;
}

export interface ResultCache {
  /** Undefined for requests that are never answered from a cache. */
  begin(request: CachedRequest): CacheAttempt | undefined;
  /** What the results of a subject are stored under at this moment. */
  ruleOf(subject: CacheSubject): CacheRule;
  /** Makes everything stored for a subject unreachable. */
  forget(subject: CacheSubject): void;
  /** Runs `listener` when a rule may have changed by itself. */
  onRulesChanged(listener: () => void): () => void;
}

export interface CacheRule {
  /** Part of every key; changes when what it stands for does. */
  readonly epoch: Uint8Array;
  /** True when keys have no principal. */
  readonly public: boolean;
}
