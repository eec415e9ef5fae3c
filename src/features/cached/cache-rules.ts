import type { CacheSubject, ResultCache } from '../../core/result-cache.ts';
import type { Registry } from '../registry.ts';
import { matchTemplate } from '../resources/read-resource.ts';
import { hasParameterHeaders } from '../tools/parameter-headers.ts';
import { readSubject, toolSubject } from './cache-subjects.ts';

/** What a front may look up by itself: calls of this method and name. */
export interface NamedRule {
  readonly method: string;
  /** Tool name or URI. */
  readonly name: string;
  readonly epoch: Uint8Array;
  readonly isPublic: boolean;
}

/**
 * The rules of everything registered under a fixed name. Templates are not among them, nor tools whose calls must be
 * compared with their headers.
 */
export function* cacheRules(registry: Registry, cache: ResultCache): Iterable<NamedRule> {
  for (const entry of registry.tools.list()) {
    const subject = toolSubject(entry);
    if (subject !== undefined && !hasParameterHeaders(entry))
      yield named(subject, entry.definition.name, cache);
  }
  for (const entry of registry.resources.list()) {
    const subject = readSubject(entry);
    if (subject !== undefined) yield named(subject, entry.definition.uri, cache);
  }
}

function named(subject: CacheSubject, name: string, cache: ResultCache): NamedRule {
  const rule = cache.ruleOf(subject);
  return { method: subject.method, name, epoch: rule.epoch, isPublic: rule.public };
}

/** Forgets what was read of a resource that has changed; of a template all it has answered. */
export function forgetResource(registry: Registry, cache: ResultCache, uri: string): void {
  const entry = registry.resources.get(uri) ?? matchTemplate(registry, uri)?.entry;
  const subject = entry === undefined ? undefined : readSubject(entry);
  if (subject !== undefined) cache.forget(subject);
}
