/** Transports of the asking side: child process, Streamable HTTP, HTTP+SSE, and the choice among them. */
export { type HttpTransportOptions, httpTransport } from './http.ts';
export type { HeaderSource } from './http-endpoint.ts';
export { HttpStatusError, statusOf } from './http-failure.ts';
export { type LegacySseTransportOptions, legacySseTransport } from './legacy-sse.ts';
export { type StdioTransport, type StdioTransportOptions, stdioTransport } from './stdio.ts';
export { type TransportTarget, targetTransport } from './target.ts';
