/** The method table: which method exists in which revision and what the era codecs must know of it. */
import type { ServerCapabilities } from '../core/mcp.ts';
import { isAtLeast, isModernRevision, type LegacyRevision, type Revision } from '../core/revisions.ts';

export interface MethodSpec {
  /** First legacy revision that has the method; undefined = not in the legacy era. */
  readonly legacySince?: LegacyRevision;
  readonly modern: boolean;
  /** May answer `input_required` (2026-07-28, MRTR). */
  readonly input?: boolean;
  /** Results carry `ttlMs` and `cacheScope` in the modern era (2026-07-28, caching). */
  readonly cacheable?: boolean;
  /** The capability without which the method does not exist. */
  readonly capability?: keyof ServerCapabilities;
  /** The `params` member that `Mcp-Name` mirrors. */
  readonly nameHeader?: 'name' | 'uri';
}

export const METHODS = {
  'server/discover': { modern: true, cacheable: true },
  initialize: { legacySince: '2024-11-05', modern: false },
  ping: { legacySince: '2024-11-05', modern: false },
  'tools/list': { legacySince: '2024-11-05', modern: true, cacheable: true, capability: 'tools' },
  'tools/call': {
    legacySince: '2024-11-05',
    modern: true,
    input: true,
    capability: 'tools',
    nameHeader: 'name',
  },
  'resources/list': { legacySince: '2024-11-05', modern: true, cacheable: true, capability: 'resources' },
  'resources/templates/list': {
    legacySince: '2024-11-05',
    modern: true,
    cacheable: true,
    capability: 'resources',
  },
  'resources/read': {
    legacySince: '2024-11-05',
    modern: true,
    input: true,
    cacheable: true,
    capability: 'resources',
    nameHeader: 'uri',
  },
  'resources/subscribe': { legacySince: '2024-11-05', modern: false, capability: 'resources' },
  'resources/unsubscribe': { legacySince: '2024-11-05', modern: false, capability: 'resources' },
  'prompts/list': { legacySince: '2024-11-05', modern: true, cacheable: true, capability: 'prompts' },
  'prompts/get': {
    legacySince: '2024-11-05',
    modern: true,
    input: true,
    capability: 'prompts',
    nameHeader: 'name',
  },
  'completion/complete': { legacySince: '2024-11-05', modern: true, capability: 'completions' },
  'logging/setLevel': { legacySince: '2024-11-05', modern: false, capability: 'logging' },
  'subscriptions/listen': { modern: true },
} as const satisfies Record<string, MethodSpec>;

export type MethodName = keyof typeof METHODS;

const SPECS: ReadonlyMap<string, MethodSpec> = new Map(Object.entries(METHODS));

export function methodSpec(method: string): MethodSpec | undefined {
  return SPECS.get(method);
}

/** True when the method is part of the revision. */
export function methodExists(spec: MethodSpec, revision: Revision): boolean {
  if (isModernRevision(revision)) return spec.modern;
  return spec.legacySince !== undefined && isAtLeast(revision, spec.legacySince);
}
