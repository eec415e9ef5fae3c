import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modernHeaders, modernRequest } from './harness/messages.ts';
import { CODECS, HttpTarget } from './harness/target.ts';

interface Rpc {
  readonly error?: { readonly code: number; readonly data?: { readonly uri?: string } };
  readonly result?: { readonly contents: readonly { readonly uri: string; readonly text: string }[] };
}

describe.each(CODECS)('URIs of resource templates, on %s', (codec) => {
  let target: HttpTarget;
  beforeAll(async () => {
    target = await HttpTarget.start({ codec });
  });
  afterAll(() => target.stop());

  async function read(uri: string): Promise<Rpc> {
    const name = /^[\x21-\x7e]*$/.test(uri) ? uri : `=?base64?${Buffer.from(uri).toString('base64')}?=`;
    const response = await target.post(
      modernRequest(1, 'resources/read', { uri }),
      modernHeaders('resources/read', name),
    );
    return JSON.parse(response.body) as Rpc;
  }

  it.each([
    'test://item/..',
    'test://item/.',
    'test://item/%2e%2e',
    'test://item/%2E.',
    'test://item/a/b',
    'test://item/a%2fb',
    'test://item/a%2Fb',
    'test://item/..%2f..%2fetc%2fpasswd',
    'test://item/a%5cb',
    'test://item/a\\b',
    'test://item/..%5c..%5cwindows',
    'test://item/%00',
    'test://item/a%00.txt',
    'test://item/a%0d%0ab',
    'test://item/a%1bb',
    'test://item/a?b',
    'test://item/a#b',
    'test://item/a%3fb',
    'test://item/a%23b',
    'test://item/http://evil.example',
    'test://item/http:%2f%2fevil.example',
    'test://item/%',
    'test://item/%zz',
    'test://item/%ff',
    'test://item/%c0%af',
    'test://item/%ed%a0%80',
    'test://item/a b',
    'test://item/a\u2028b',
    'TEST://item/a',
    'test://ITEM/a',
    'test:/item/a',
    'test://item//a',
    'http://evil.example/test://item/a',
    ' test://item/a',
    `test://item/${'a'.repeat(10_000)}`,
    'files://disk/../secret',
    'files://disk/a/../../secret',
    'files://disk/%2e%2e/secret',
    'files://disk/a/%2e%2e/%2e%2e/secret',
    'files://disk/a%2f..%2f..%2fsecret',
    'files://disk/..%5csecret',
    'files://disk/./a',
    'files://disk/a%00',
    'files://disk@evil.example/a',
    'files://disk.evil.example/a',
  ])('G07 %j is not found, no handler runs', async (uri) => {
    const { effects } = await target.state();
    const answer = await read(uri);
    expect(answer.error?.code).toBe(-32602);
    expect((await target.state()).effects).toBe(effects);
    await target.expectAlive();
  });

  it.each([
    // Decoded once: what is encoded twice stays text.
    ['test://item/%252e%252e', '%2e%2e'],
    ['test://item/%252f', '%2f'],
    ['test://item/a%20b', 'a b'],
    ['test://item/%e2%82%ac', '€'],
    ['test://item/...', '...'],
    ['test://item/a..b', 'a..b'],
    ['files://disk/a/b.txt', 'a/b.txt'],
    ['files://disk/%252e%252e/a', '%2e%2e/a'],
  ])('G07 %s reaches its handler as %j', async (uri, value) => {
    const answer = await read(uri);
    expect(answer.result?.contents).toEqual([{ uri, mimeType: 'text/plain', text: value }]);
  });

  it('G07 the error repeats the URI as data and nothing else', async () => {
    const uri = 'test://item/..%2f<script>';
    const answer = await read(uri);
    expect(answer.error?.data).toEqual({ uri });
  });
});
