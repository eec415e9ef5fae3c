import type { ClientTransport } from '../client/contract.ts';
import { FerroError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import type { Implementation, LoggingLevel, LogMessage, ServerCapabilities } from '../core/mcp.ts';
import type { Registry } from '../features/registry.ts';

/** A server to put behind this one: a program, an address, or anything that yields a client transport. */
export type Upstream =
  | {
      readonly command: string;
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly cwd?: string;
    }
  | { readonly url: string; readonly headers?: Readonly<Record<string, string>> }
  | { transport(): ClientTransport };

/** What a mounted upstream needs of the server it is mounted in. */
export interface MountHost {
  readonly registry: Registry;
  readonly limits: Limits;
  readonly logger: Logger;
  /** A log message that belongs to no request. */
  broadcastLog(message: LogMessage): void;
  /** Capabilities that upstreams add; a new object whenever they change. */
  setMounted(capabilities: ServerCapabilities): void;
  setIdentity(serverInfo: Implementation, instructions: string | undefined): void;
  track(upstream: MountedUpstream): void;
}

export interface MountedUpstream {
  /** State by upstream name, for `/readyz`. */
  states(): Readonly<Record<string, unknown>>;
  rootsChanged(peerKey: string): void;
  logLevel(peerKey: string, level: LoggingLevel): void;
  close(): Promise<void>;
}

export function mount(name: string, _upstream: Upstream, _host: MountHost): MountedUpstream {
  throw new FerroError('CONFIG_INVALID', { detail: `cannot mount ${name}` });
}
