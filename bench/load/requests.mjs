/** Messages as bytes: JSON-RPC with what the era asks for, and complete HTTP/1.1 requests. */
import { operation } from './operations.mjs';

const MODERN = '2026-07-28';
const LEGACY = '2025-06-18';
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** Prepared requests of a load, with ids of their own. */
export const PREPARED = 1_024;

/**
 * @typedef {import('../peers/table.mjs').Era} Era
 * @typedef {{ readonly port: number, readonly era: Era, readonly session?: string | undefined, readonly protocol?: 'h1' | 'h2' }} Target
 * @typedef {{ headers: Record<string, string>, body: string }} Request header names in lower case
 */

/**
 * @param {Target} target
 * @param {{ id?: number, method: string, params: Record<string, any> }} message
 * @returns {Request}
 */
export function request(target, message) {
  const { era, session } = target;
  const modern = era === 'modern';
  const params = modern ? { ...message.params, _meta: META } : message.params;
  const named = message.params.name ?? message.params.uri;
  return {
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': modern ? MODERN : LEGACY,
      ...(modern ? { 'mcp-method': message.method } : {}),
      ...(modern && named !== undefined ? { 'mcp-name': named } : {}),
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message, params }),
  };
}

/**
 * A request of an operation.
 * @param {Target} target
 * @param {string} name
 * @param {number} id
 */
export function operationRequest(target, name, id) {
  return request(target, { id, ...operation(name).ask(id, target.era) });
}

/**
 * The request that opens a session, and the notification after it.
 * @returns {[{ id: number, method: string, params: Record<string, unknown> }, { method: string, params: Record<string, unknown> }]}
 */
export function opening() {
  const params = { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
  return [
    { id: 0, method: 'initialize', params },
    { method: 'notifications/initialized', params: {} },
  ];
}

/**
 * As one HTTP/1.1 message.
 * @param {Request} request
 * @param {number} port
 */
export function http1({ headers, body }, port) {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `POST /mcp HTTP/1.1\r\n${lines.join('\r\n')}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/**
 * The prepared requests of a load.
 * @param {Target} target
 * @param {string} name
 */
export function prepared(target, name) {
  return Array.from({ length: PREPARED }, (_, id) => operationRequest(target, name, id));
}
