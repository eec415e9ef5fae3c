import type { ServerCapabilities } from '../core/mcp.ts';
import type { UpstreamSnapshot } from './snapshot.ts';

/** Extensions whose messages would need handling of their own on the way. */
const NOT_RELAYED = new Set(['io.modelcontextprotocol/tasks', 'io.modelcontextprotocol/skills']);

/**
 * What a gateway can serve: the union of its upstreams. Clients ask once, so an upstream that is not known yet counts as
 * offering everything; its lists arrive later with a change notification.
 */
export function unionOf(
  snapshots: readonly (UpstreamSnapshot | undefined)[],
  transparent: boolean,
): ServerCapabilities {
  const all = snapshots.map((snapshot) => snapshot?.capabilities);
  const has = (test: (capabilities: ServerCapabilities) => boolean): boolean =>
    all.some((capabilities) => capabilities === undefined || test(capabilities));
  const extensions = Object.fromEntries(
    all.flatMap((capabilities) =>
      Object.entries(capabilities?.extensions ?? {}).filter(([key]) => !NOT_RELAYED.has(key)),
    ),
  );
  // Behind several upstreams any list may change: one of them may come, go or be replaced.
  const changes = (listChanged: boolean | undefined): { listChanged?: boolean } =>
    transparent ? (listChanged === undefined ? {} : { listChanged }) : { listChanged: true };
  const first = all[0];
  return {
    ...(has(({ tools }) => tools !== undefined) ? { tools: changes(first?.tools?.listChanged) } : {}),
    ...(has(({ resources }) => resources !== undefined)
      ? {
          resources: {
            ...changes(first?.resources?.listChanged),
            ...(has(({ resources }) => resources?.subscribe === true) ? { subscribe: true } : {}),
          },
        }
      : {}),
    ...(has(({ prompts }) => prompts !== undefined) ? { prompts: changes(first?.prompts?.listChanged) } : {}),
    ...(has(({ completions }) => completions !== undefined) ? { completions: {} } : {}),
    ...(has(({ logging }) => logging !== undefined) ? { logging: {} } : {}),
    ...(Object.keys(extensions).length === 0 ? {} : { extensions }),
  };
}
