import type { Envelope } from '../../../core/envelope.ts';
import { FerroError } from '../../../core/errors.ts';
import type { HeaderView } from '../../call.ts';
import { decodeHeaderValue } from '../../header-values.ts';
import { methodSpec } from '../../methods.ts';

/**
 * The body is the source of truth; the mirrored headers must agree with it (2026-07-28, Streamable HTTP, Server
 * Validation).
 * @throws FerroError HEADER_MISMATCH
 */
export function assertHeadersAgree(headers: HeaderView, envelope: Envelope): void {
  expectEqual('MCP-Protocol-Version', single(headers, 'mcp-protocol-version'), envelope.protocolVersion);
  if (envelope.kind !== 'request') return;
  expectEqual('Mcp-Method', single(headers, 'mcp-method'), envelope.method);
  const source = envelope.method === undefined ? undefined : methodSpec(envelope.method)?.nameHeader;
  if (source === undefined) return;
  const body = source === 'name' ? envelope.name : envelope.uri;
  const header = single(headers, 'mcp-name');
  const decoded = header === undefined ? undefined : decodeHeaderValue(header);
  // A body without the name is an invalid request of its own; say so there.
  if (body !== undefined || header !== undefined) expectEqual('Mcp-Name', decoded, body);
}

function single(headers: HeaderView, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function expectEqual(name: string, header: string | undefined, body: string | undefined): void {
  if (header === undefined) throw new FerroError('HEADER_MISMATCH', { detail: `${name} is missing` });
  if (header !== body) throw new FerroError('HEADER_MISMATCH', { detail: `${name} differs from the body` });
}
