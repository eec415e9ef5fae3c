import type { JsonCodec } from '../../core/envelope.ts';
import type { Limits } from '../../core/limits.ts';
import type { FrontCounters, NativeTls, PreparedTable } from '../../native/front-port.ts';
import type { AccessPolicy } from './guard.ts';
import type { HttpEndpoint } from './http-endpoint.ts';
import type { FrontRoute } from './routes.ts';

/** Replies that are known before their requests come, for a front that answers by itself. */
export interface PreparedSource {
  /** Gives every table to `taker`, now and after each change; the returned function ends that. */
  subscribe(taker: (table: PreparedTable) => void): () => void;
  /** A request came for which a reply could have been prepared. */
  refresh(): void;
}

/** What every front serves, to whom, and within which bounds. */
export interface FrontOptions {
  readonly endpoint: HttpEndpoint;
  readonly codec: JsonCodec;
  readonly path: string;
  readonly routes: readonly FrontRoute[];
  readonly policy: AccessPolicy;
  readonly limits: Limits;
  readonly prepared?: PreparedSource;
  /** Handle of the cache that a native front may look results up in. */
  readonly cache?: number;
  readonly tls?: NativeTls;
}

/** Takes connections and brings requests that may pass to the endpoint and the routes. */
export interface Front {
  readonly name: 'native' | 'node';
  /** Starts listening. @throws FerroError LISTEN_FAILED */
  listen(port: number, host: string): Promise<{ readonly port: number }>;
  /** No new connections from now on; running requests go on. */
  stopAccepting(): void;
  /** Ends what is still open. */
  close(): Promise<void>;
  /** What a front that answers by itself has done so far. */
  counters?(): FrontCounters | undefined;
}
