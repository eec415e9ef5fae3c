/** ferromcp: MCP servers, gateways and clients of every protocol revision. The types are in the root `index.d.ts`. */
export type * from './client/contract.ts';
export type { JsonCodec } from './core/envelope.ts';
export { ERROR_TABLE, type ErrorCode, FerroError, isFerroError, RpcError } from './core/errors.ts';
export type { JsonObject, JsonValue } from './core/json.ts';
export { DEFAULT_LIMITS, type Limits } from './core/limits.ts';
export type { Logger } from './core/log.ts';
export type * from './core/mcp.ts';
export type { Principal } from './core/principal.ts';
export { type Era, type Revision, SUPPORTED_REVISIONS } from './core/revisions.ts';
export * from './intelligence/public.ts';
export type { InputOptions, RequestContext } from './protocol/context.ts';
export type { Middleware, MiddlewareRequest } from './protocol/handler.ts';
export { type InputRequired, inputRequired } from './protocol/input-required.ts';
export * from './server/index.ts';
