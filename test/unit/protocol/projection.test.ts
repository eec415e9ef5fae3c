import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { isAtLeast, LEGACY_REVISIONS, type LegacyRevision } from '../../../src/core/revisions.ts';
import { projectCapabilities, projectResult } from '../../../src/protocol/eras/legacy/projection.ts';

const TOOL: JsonObject = {
  name: 't',
  title: 'T',
  description: 'd',
  inputSchema: { type: 'object' },
  outputSchema: { type: 'object' },
  annotations: { readOnlyHint: true },
  icons: [{ src: 'https://x.example/i.png' }],
  _meta: { a: 1 },
};
const SINCE: Readonly<Record<string, LegacyRevision>> = {
  annotations: '2025-03-26',
  title: '2025-06-18',
  outputSchema: '2025-06-18',
  _meta: '2025-06-18',
  icons: '2025-11-25',
};

describe.each(LEGACY_REVISIONS)('results in %s', (revision) => {
  const has = (since: LegacyRevision): boolean => isAtLeast(revision, since);

  it('tools have the members the revision knows, and all of those', () => {
    const { tools } = projectResult('tools/list', { tools: [TOOL], nextCursor: 'c' }, revision) as {
      tools: JsonObject[];
    };
    const expected = Object.keys(TOOL).filter((name) => SINCE[name] === undefined || has(SINCE[name]));
    expect(Object.keys(tools[0] ?? {})).toEqual(expected);
  });

  it('a list keeps its cursor and its order', () => {
    const result = { prompts: [{ name: 'b' }, { name: 'a' }], nextCursor: 'c' };
    expect(projectResult('prompts/list', result, revision)).toEqual(result);
  });

  it('structured content is an object, or text only', () => {
    const content = [{ type: 'text', text: '{}' }];
    for (const structuredContent of [{ a: 1 }, [1], 'x', 7, null]) {
      const out = projectResult('tools/call', { content, structuredContent, isError: false }, revision);
      const kept =
        has('2025-06-18') &&
        typeof structuredContent === 'object' &&
        !Array.isArray(structuredContent) &&
        structuredContent !== null;
      expect('structuredContent' in out).toBe(kept);
      expect(out['content']).toEqual(content);
      expect(out['isError']).toBe(false);
    }
  });

  it('content the revision cannot parse becomes content it can, with its data', () => {
    const audio = { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' };
    const link = { type: 'resource_link', uri: 'x://y', name: 'n', title: 't' };
    const inTool = projectResult('tools/call', { content: [audio, link] }, revision)[
      'content'
    ] as JsonObject[];
    const prompt = projectResult(
      'prompts/get',
      {
        messages: [
          { role: 'user', content: audio },
          { role: 'user', content: link },
        ],
      },
      revision,
    )['messages'] as { content: JsonObject }[];
    for (const [sound, linked] of [inTool, prompt.map((message) => message.content)] as const) {
      expect(sound?.['type']).toBe(has('2025-03-26') ? 'audio' : 'resource');
      expect(JSON.stringify(sound)).toContain('AAAA');
      expect(linked?.['type']).toBe(has('2025-06-18') ? 'resource_link' : 'text');
      expect(JSON.stringify(linked)).toContain('x://y');
    }
  });

  it('capabilities of later times are not declared', () => {
    const out = projectCapabilities({ tools: {}, completions: {}, extensions: { x: {} } }, revision);
    expect('extensions' in out).toBe(false);
    expect('completions' in out).toBe(has('2025-03-26'));
    expect(out['tools']).toEqual({});
  });

  it('C09 members called __proto__ stay members', () => {
    const odd = JSON.parse('{"name":"t","__proto__":{"polluted":1},"inputSchema":{}}') as JsonObject;
    const out = projectResult('tools/list', { tools: [odd] }, revision);
    expect(JSON.stringify(out)).toContain('"__proto__":{"polluted":1}');
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it('what is there is never changed, whatever it is, and projecting twice is projecting once', () => {
    const method = fc.constantFrom(
      'tools/list',
      'resources/list',
      'prompts/list',
      'tools/call',
      'prompts/get',
      'initialize',
      'x',
    );
    const member = fc.constantFrom(
      'tools',
      'resources',
      'prompts',
      'content',
      'messages',
      'structuredContent',
      'serverInfo',
    );
    fc.assert(
      fc.property(method, fc.dictionary(member, fc.jsonValue({ maxDepth: 3 })), (name, value) => {
        const text = JSON.stringify(value);
        const result = JSON.parse(text) as JsonObject;
        const once = projectResult(name, result, revision);
        expect(JSON.stringify(result)).toBe(text);
        expect(projectResult(name, once, revision)).toEqual(once);
      }),
    );
  });
});
