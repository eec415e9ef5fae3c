import type { Limits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import type { ConnectUpstream, GatewayDeps, UpstreamStatus, Upstreams } from '../gateway/index.ts';
import { packageVersion } from '../native/package-version.ts';
import type { LegacySession } from '../protocol/eras/legacy/session.ts';
import { httpTransport } from '../transports/client/http.ts';
import { legacySseTransport } from '../transports/client/legacy-sse.ts';
import { stdioTransport } from '../transports/client/stdio.ts';
import { UrlTransport } from '../transports/client/target.ts';

/** How long a program may take to end once its input has. */
const END_OF_INPUT_MS = 1_000;

/** What mounted upstreams need of the server they are mounted in. */
export interface MountHost {
  readonly limits: Limits;
  readonly logger: Logger;
  /** Legacy sessions that have finished their handshake. */
  readonly sessions: ReadonlySet<LegacySession>;
}

export interface MountOptions {
  readonly stateDir?: string;
  readonly transparent?: boolean;
}

/** The connection between upstreams (which know no sessions) and the server (which has them). */
export function gatewayDeps(host: MountHost, options: MountOptions = {}): GatewayDeps {
  const { sessions, limits, logger } = host;
  const session = (peerKey: string): LegacySession | undefined => {
    for (const each of sessions) if (each.id === peerKey) return each;
    return undefined;
  };
  return {
    connectUpstream,
    limits,
    logger,
    version: packageVersion(),
    ...options,
    broadcastLog: (_upstream, message, audience) => {
      for (const each of sessions) {
        const { principalId } = audience;
        if (principalId === undefined || each.principal.id === principalId) each.broadcast(message);
      }
    },
    notifyPeer: (peerKey, method, params) => {
      session(peerKey)?.notify(method, params);
    },
    askPeer: async (peerKey, request, signal) => {
      const peer = session(peerKey);
      signal.throwIfAborted();
      if (peer === undefined) throw new Error('the session has ended');
      return peer.ask((text) => peer.push(text), request.method, { ...request.params });
    },
  };
}

/** A fresh transport for an upstream of the configuration. */
const connectUpstream: ConnectUpstream = (target, { shutdownMs, limits, logger, http2 }) => {
  if (target.kind === 'stdio') {
    const { command, args, env, cwd } = target;
    // A server that waits for something does not notice the end of its input: most of the time is for SIGTERM.
    const closeMs = Math.min(END_OF_INPUT_MS, shutdownMs / 2);
    return {
      transport: stdioTransport({
        command,
        args,
        env,
        ...(cwd === undefined ? {} : { cwd }),
        maxLineBytes: limits.lineBytes,
        closeMs,
        terminateMs: shutdownMs - closeMs,
      }),
    };
  }
  const { url, headers } = target;
  const options = {
    url,
    headers,
    maxMessageBytes: limits.resultBytes,
    ...(http2 === undefined ? {} : { http2 }),
  };
  switch (target.transport) {
    case 'streamable-http':
      return { transport: httpTransport({ ...options, logger }) };
    case 'sse':
      return { transport: legacySseTransport(options) };
    case 'auto':
      return { transport: new UrlTransport({ ...options, logger }) };
  }
};

/** Upstreams by name, for `/readyz`. */
export function upstreamStates(upstreams: Upstreams | undefined): Readonly<Record<string, UpstreamStatus>> {
  return Object.fromEntries((upstreams?.states() ?? []).map((status) => [status.name, status]));
}
