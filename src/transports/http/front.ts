import type { JsonCodec } from '../../core/envelope.ts';
import type { Limits } from '../../core/limits.ts';
import type { AccessPolicy } from './guard.ts';
import type { HttpEndpoint } from './http-endpoint.ts';
import type { FrontRoute } from './routes.ts';

/** What every front serves, to whom, and within which bounds. */
export interface FrontOptions {
  readonly endpoint: HttpEndpoint;
  readonly codec: JsonCodec;
  readonly path: string;
  readonly routes: readonly FrontRoute[];
  readonly policy: AccessPolicy;
  readonly limits: Limits;
}

/** Takes connections and brings requests that may pass to the endpoint and the routes. */
export interface Front {
  /** Starts listening. @throws FerroError LISTEN_FAILED */
  listen(port: number, host: string): Promise<{ readonly port: number }>;
  /** No new connections from now on; running requests go on. */
  stopAccepting(): void;
  /** Ends what is still open. */
  close(): Promise<void>;
}
