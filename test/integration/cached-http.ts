/** Raw requests to a server in this process, in both eras, for tests that compare replies byte for byte. */
import { randomUUID } from 'node:crypto';
import type { Listening } from '../../src/server/index.ts';

export const ERAS = ['2025-06-18', '2025-11-25', '2026-07-28'] as const;
export type TestedRevision = (typeof ERAS)[number];

export interface Reply {
  readonly status: number;
  /** The last message of the answer. */
  readonly body: string;
}

/** `id` as it shall stand in the message; `raw` instead of the text of `params`. */
export type Requester = (
  method: string,
  params: Readonly<Record<string, unknown>>,
  more?: { readonly id?: string; readonly headers?: Readonly<Record<string, string>>; readonly raw?: string },
) => Promise<Reply>;

async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): Promise<Reply & { readonly session: string | null }> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
  });
  const text = await response.text();
  const lines = text.split('\n').filter((line) => line.startsWith('data: '));
  return {
    status: response.status,
    session: response.headers.get('mcp-session-id'),
    body: lines.at(-1)?.slice(6) ?? text,
  };
}

/** Opens a session where the revision has any. */
export async function requester({ url }: Listening, revision: TestedRevision): Promise<Requester> {
  if (revision === '2026-07-28') {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': revision,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    return (method, params, { id = '1', headers = {}, raw } = {}) => {
      const own = (params['_meta'] ?? {}) as object;
      const text = raw ?? JSON.stringify({ ...params, _meta: { ...meta, ...own } });
      const name = (params['name'] ?? params['uri'] ?? '') as string;
      const plain = /^[\x21-\x7e]+$/.test(name);
      return post(url, `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${text}}`, {
        'mcp-protocol-version': revision,
        'mcp-method': method,
        ...(name === ''
          ? {}
          : { 'mcp-name': plain ? name : `=?base64?${Buffer.from(name).toString('base64')}?=` }),
        ...headers,
      });
    };
  }
  const init = {
    protocolVersion: revision,
    capabilities: {},
    clientInfo: { name: randomUUID(), version: '1' },
  };
  const opened = await post(
    url,
    JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: init }),
    {},
  );
  if (opened.session === null) throw new Error(`no session: ${opened.body}`);
  const session = { 'mcp-session-id': opened.session, 'mcp-protocol-version': revision };
  await post(url, '{"jsonrpc":"2.0","method":"notifications/initialized"}', session);
  return (method, params, { id = '1', headers = {}, raw } = {}) =>
    post(url, `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${raw ?? JSON.stringify(params)}}`, {
      ...session,
      ...headers,
    });
}

/** Text of the first content block or of the first contents. */
export function textIn(reply: Reply): string | undefined {
  const { result } = JSON.parse(reply.body) as {
    result?: { content?: { text?: string }[]; contents?: { text?: string }[] };
  };
  return (result?.content ?? result?.contents)?.[0]?.text;
}
