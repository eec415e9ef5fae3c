/** What the gateway needs from the outside; `server/` brings it together. */
import type { ClientTransport } from '../client/contract.ts';
import type { JsonObject } from '../core/json.ts';
import type { Limits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import type { InputRequest, LogMessage } from '../core/mcp.ts';
import type { HttpTarget, StdioTarget } from '../runtime/config/server-entry.ts';

/** An upstream that is reached by a transport made by the caller, e.g. a server in the same process. */
export interface TransportTarget {
  readonly kind: 'transport';
  /** Called for every (re)connection. */
  createTransport(): ClientTransport;
}

export type UpstreamTarget = StdioTarget | HttpTarget | TransportTarget;

export interface ConnectOptions {
  readonly name: string;
  /** How long the far end may take to end by itself before it is killed, in milliseconds. */
  readonly shutdownMs: number;
  /** See the configuration key of the same name. */
  readonly http2: boolean | undefined;
  readonly limits: Limits;
  readonly logger: Logger;
}

/**
 * Makes a fresh, unopened transport to an upstream. For stdio, `env` holds what to set on top of the basic environment
 * of a child process; the process must get its own process group, which `close()` ends.
 */
export type ConnectUpstream = (
  target: StdioTarget | HttpTarget,
  options: ConnectOptions,
) => { readonly transport: ClientTransport };

/** Who may see a log message that belongs to no call: only sessions of this principal; undefined = all sessions. */
export interface LogAudience {
  readonly principalId: string | undefined;
}

export interface GatewayDeps {
  readonly connectUpstream: ConnectUpstream;
  readonly limits: Limits;
  readonly logger: Logger;
  /** Version of this package: stored lists of another version are not used. */
  readonly version: string;
  /** Absolute folder for stored lists; without it nothing is stored. */
  readonly stateDir?: string;
  /** Names, URIs, instructions, capabilities and server info of the only upstream are handed on unchanged. */
  readonly transparent?: boolean;
  /** Sends a log message of an upstream to the downstream sessions of the audience that want its level. */
  readonly broadcastLog?: (upstream: string, message: LogMessage, audience: LogAudience) => void;
  /** Sends a notification to one legacy downstream session, outside of any call. */
  readonly notifyPeer?: (peerKey: string, method: string, params: JsonObject) => void;
  /** Sends a request to one legacy downstream session, outside of any call, and returns its result. */
  readonly askPeer?: (peerKey: string, request: InputRequest, signal: AbortSignal) => Promise<JsonObject>;
  /** Source of the jitter, in `[0, 1)`. */
  readonly random?: () => number;
}
