/**
 * Shapes results down to what a legacy revision knows. Members added later are removed; content types a client of
 * that revision cannot parse are turned into ones it can, without losing their data.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import type { ServerCapabilities } from '../../../core/mcp.ts';
import { isAtLeast, type LegacyRevision } from '../../../core/revisions.ts';
import type { ForwardedMember, ForwardedResult } from '../../forwarded-result.ts';

/** Members by the revision that introduced them, for definitions (tools, resources, prompts, implementations). */
const INTRODUCED: readonly (readonly [LegacyRevision, readonly string[]])[] = [
  ['2025-03-26', ['annotations']],
  ['2025-06-18', ['title', 'outputSchema', '_meta']],
  ['2025-11-25', ['icons', 'execution', 'websiteUrl']],
];

/** Where each list result keeps its definitions. */
const LIST_MEMBERS: Readonly<Record<string, string>> = {
  'tools/list': 'tools',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
};

/** The result as the revision knows it; the same object when there is nothing to change. */
export function projectResult(method: string, result: JsonObject, revision: LegacyRevision): JsonObject {
  const member = LIST_MEMBERS[method];
  if (member !== undefined) return projectList(result, member, revision);
  switch (method) {
    case 'initialize':
      return { ...result, serverInfo: projectDefinition(result['serverInfo'], revision, true) };
    case 'tools/call':
      return projectToolResult(result, revision);
    case 'prompts/get':
      return projectPrompt(result, revision);
    default:
      return result;
  }
}

/**
 * The members of a result that passes through as the revision knows them; undefined when their values would have to be
 * changed, for which they must be parsed.
 */
export function projectForwarded(
  method: string,
  result: ForwardedResult,
  revision: LegacyRevision,
): readonly ForwardedMember[] | undefined {
  if (method !== 'tools/call' && method !== 'prompts/get') return result.members;
  const { hasLinks, hasAudio, structuredIsObject } = result.facts;
  if (hasLinks && !isAtLeast(revision, '2025-06-18')) return undefined;
  if (hasAudio && !isAtLeast(revision, '2025-03-26')) return undefined;
  if (method === 'prompts/get' || (structuredIsObject && isAtLeast(revision, '2025-06-18'))) {
    return result.members;
  }
  return result.members.filter(({ name }) => name !== 'structuredContent');
}

export function projectCapabilities(capabilities: ServerCapabilities, revision: LegacyRevision): JsonObject {
  const { extensions: _, completions, ...rest } = capabilities;
  // The capability exists since 2025-03-26; before, completion needed none.
  const keep = completions !== undefined && isAtLeast(revision, '2025-03-26');
  return { ...rest, ...(keep ? { completions } : {}) } as unknown as JsonObject;
}

function projectList(result: JsonObject, member: string, revision: LegacyRevision): JsonObject {
  const definitions = result[member];
  if (!Array.isArray(definitions)) return result;
  const keepAnnotations = member !== 'tools' || isAtLeast(revision, '2025-03-26');
  const projected = definitions.map(
    (definition: JsonValue) => projectDefinition(definition, revision, keepAnnotations) ?? null,
  );
  return { ...result, [member]: projected };
}

function projectDefinition(
  value: JsonValue | undefined,
  revision: LegacyRevision,
  keepAnnotations: boolean,
): JsonValue | undefined {
  if (!isJsonObject(value)) return value;
  const copy: Record<string, JsonValue | undefined> = { ...value };
  for (const [since, members] of INTRODUCED) {
    if (isAtLeast(revision, since)) continue;
    for (const name of members) {
      if (name !== 'annotations' || !keepAnnotations) delete copy[name];
    }
  }
  // Before 2026-07-28 structured output is an object; other roots have no legacy form (the text mirror remains).
  const output = copy['outputSchema'];
  if (isJsonObject(output) && output['type'] !== 'object') delete copy['outputSchema'];
  return copy;
}

function projectToolResult(result: JsonObject, revision: LegacyRevision): JsonObject {
  const structured = result['structuredContent'];
  const dropStructured =
    structured !== undefined && (!isJsonObject(structured) || !isAtLeast(revision, '2025-06-18'));
  const contentKnown = isAtLeast(revision, '2025-06-18');
  if (!dropStructured && contentKnown) return result;
  const { structuredContent: _, content, ...rest } = result;
  const blocks = Array.isArray(content)
    ? content.map((block: JsonValue) => projectContent(block, revision) ?? null)
    : [];
  return {
    ...rest,
    content: blocks,
    ...(dropStructured || structured === undefined ? {} : { structuredContent: structured }),
  };
}

function projectPrompt(result: JsonObject, revision: LegacyRevision): JsonObject {
  const messages = result['messages'];
  if (isAtLeast(revision, '2025-06-18') || !Array.isArray(messages)) return result;
  const projected = messages.map((message: JsonValue) =>
    isJsonObject(message) ? { ...message, content: projectContent(message['content'], revision) } : message,
  );
  return { ...result, messages: projected };
}

function projectContent(block: JsonValue | undefined, revision: LegacyRevision): JsonValue | undefined {
  if (!isJsonObject(block)) return block;
  if (block['type'] === 'audio' && !isAtLeast(revision, '2025-03-26')) {
    const { data, mimeType } = block;
    return { type: 'resource', resource: { uri: 'urn:mcp:audio', mimeType, blob: data } };
  }
  if (block['type'] === 'resource_link' && !isAtLeast(revision, '2025-06-18')) {
    const title = block['title'] ?? block['name'];
    return { type: 'text', text: `${String(title)}: ${String(block['uri'])}` };
  }
  return block;
}
