import type { CacheSubject } from '../../core/result-cache.ts';
import type { ResourceEntry, TemplateEntry, ToolEntry } from '../registry.ts';

const SUBJECTS = new WeakMap<object, CacheSubject>();

/** What answers calls of a tool, to the cache; undefined when its results are not kept. */
export function toolSubject(entry: ToolEntry): CacheSubject | undefined {
  return subjectOf(entry, 'tools/call', entry.call);
}

/** As {@link toolSubject}, for reads. */
export function readSubject(entry: ResourceEntry | TemplateEntry): CacheSubject | undefined {
  return subjectOf(entry, 'resources/read', entry.read);
}

function subjectOf(
  entry: ToolEntry | ResourceEntry | TemplateEntry,
  method: CacheSubject['method'],
  answer: object,
): CacheSubject | undefined {
  if (entry.cache === undefined) return undefined;
  let subject = SUBJECTS.get(entry);
  if (subject === undefined) {
    subject = { method, definition: entry.definition, answer, policy: entry.cache };
    SUBJECTS.set(entry, subject);
  }
  return subject;
}
