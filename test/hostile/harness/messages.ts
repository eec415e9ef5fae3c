/** Requests as bytes: what a client would send, and every way to spoil it. */

export const MODERN = '2026-07-28';
export const META = 'io.modelcontextprotocol';

export const legacyRequest = (id: number | string, method: string, params: object = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

/** `_meta` of a modern request. */
export const modernMeta = (extra: object = {}, capabilities: object = {}): object => ({
  [`${META}/protocolVersion`]: MODERN,
  [`${META}/clientInfo`]: { name: 'attacker', version: '1' },
  [`${META}/clientCapabilities`]: capabilities,
  ...extra,
});

export const modernRequest = (id: number | string, method: string, params: object = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: modernMeta() } });

export const modernHeaders = (method: string, name?: string): Record<string, string> => ({
  'MCP-Protocol-Version': MODERN,
  'Mcp-Method': method,
  ...(name === undefined ? {} : { 'Mcp-Name': name }),
});

export interface Message {
  readonly body: string;
  readonly headers: Record<string, string>;
}

/** A modern tool call with its headers. */
export function call(name: string, args: object = {}, id: number | string = 1, meta: object = {}): Message {
  const params = { name, arguments: args, _meta: modernMeta(meta) };
  return {
    body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }),
    headers: modernHeaders('tools/call', name),
  };
}

/** A modern tool call whose `arguments` are this text, sound or not. */
export function callWithText(name: string, argumentsText: string, idText = '1'): Message {
  const meta = JSON.stringify(modernMeta());
  return {
    body: `{"jsonrpc":"2.0","id":${idText},"method":"tools/call","params":{"name":${JSON.stringify(name)},"arguments":${argumentsText},"_meta":${meta}}}`,
    headers: modernHeaders('tools/call', name),
  };
}

export type HeaderLine = readonly [name: string, value: string];

/** A request with exactly these header lines. */
export function rawRequest(
  method: string,
  target: string,
  lines: readonly HeaderLine[],
  body: string | Buffer = '',
): Buffer {
  const head = [`${method} ${target} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
}

/** The header lines of a sound POST; `changes` replaces lines, and drops those that are undefined. */
export function postLines(
  port: number,
  length: number,
  changes: Readonly<Record<string, string | undefined>> = {},
): HeaderLine[] {
  const sound: Record<string, string | undefined> = {
    Host: `127.0.0.1:${port}`,
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    'Content-Length': String(length),
    ...changes,
  };
  return Object.entries(sound).filter((line): line is [string, string] => line[1] !== undefined);
}

export function post(
  port: number,
  body: string | Buffer,
  changes: Readonly<Record<string, string | undefined>> = {},
): Buffer {
  return rawRequest('POST', '/mcp', postLines(port, Buffer.byteLength(body), changes), body);
}
