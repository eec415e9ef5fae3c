/** As `result-mapping.ts`, for results that are left as bytes: what changes is cut out and replaced, nothing is parsed. */
import type { RawMember, RawResult } from '../client/raw-result.ts';
import { isJsonObject } from '../core/json.ts';
import { type ForwardedMember, ForwardedResult } from '../protocol/forwarded-result.ts';
import { endToEndMeta, HOP_MEMBERS } from './result-mapping.ts';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: Buffer;
}

const COMPLETE = new Set(['complete']);

/**
 * The result as it goes on. Undefined when it is not of the shape its method has: then it is read as a value, so that
 * large results are treated as small ones are.
 */
export function forwardedResult(
  method: string,
  raw: RawResult,
  mapUri: (uri: string) => string,
): ForwardedResult | undefined {
  const { facts } = raw;
  if (!raw.isComplete(COMPLETE)) return undefined;
  if (method === 'tools/call' && raw.member('content')?.shape !== 'array') return undefined;
  if (method === 'resources/read' && facts.contents === 0) return undefined;
  const edits = uriEdits(raw, mapUri);
  const members: ForwardedMember[] = [];
  let nextEdit = 0;
  for (const member of raw.members) {
    const from = nextEdit;
    while (nextEdit < edits.length && (edits[nextEdit]?.end ?? 0) <= member.end) nextEdit += 1;
    if (HOP_MEMBERS.has(member.name) || member.name === '_meta') continue;
    members.push({ name: member.name, parts: splice(raw, member, edits.slice(from, nextEdit)) });
  }
  const meta = raw.value('_meta');
  const structured = raw.member('structuredContent')?.shape;
  return new ForwardedResult(members, isJsonObject(meta) ? endToEndMeta(meta) : undefined, {
    structuredIsObject: structured === undefined || structured === 'object',
    hasLinks: facts.hasLinks,
    hasAudio: facts.hasAudio,
  });
}

function uriEdits(raw: RawResult, mapUri: (uri: string) => string): Edit[] {
  const edits: Edit[] = [];
  for (const { start, end } of raw.facts.uris) {
    const uri = String(JSON.parse(raw.bytes.text(start, end)));
    const mapped = mapUri(uri);
    if (mapped !== uri) edits.push({ start, end, text: Buffer.from(JSON.stringify(mapped)) });
  }
  return edits;
}

function splice(raw: RawResult, member: RawMember, edits: readonly Edit[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = member.start;
  for (const { start, end, text } of edits) {
    parts.push(...raw.bytes.slice(at, start), text);
    at = end;
  }
  parts.push(...raw.bytes.slice(at, member.end));
  return parts;
}
