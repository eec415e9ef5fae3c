import { FerroError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { type AccessPolicy, LOOPBACK_HOSTS } from './guard.ts';

export interface ListenAccess {
  /** Address to bind; default 127.0.0.1. */
  readonly host?: string;
  /** Further `Host` names to accept, without port. */
  readonly allowedHosts?: readonly string[];
  /** Further `Origin` values to accept (`https://app.example.com`). */
  readonly allowedOrigins?: readonly string[];
  /** Listen on a public address although nobody is authenticated. */
  readonly insecurePublic?: boolean;
}

export const DEFAULT_HOST = '127.0.0.1';
const LOOPBACK_BINDS: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '::1']);
const ORIGIN = /^https?:\/\/[^/?#@\s]+$/;

/**
 * The policy of a listener. Off loopback the server must be told that nobody is authenticated; then it accepts the
 * hosts it is given, or any when it is given none.
 * @throws FerroError LISTEN_INSECURE, CONFIG_INVALID
 */
export function accessPolicy(access: ListenAccess, limits: Limits): AccessPolicy {
  const bind = access.host ?? DEFAULT_HOST;
  const loopback = LOOPBACK_BINDS.has(bind);
  if (!loopback && access.insecurePublic !== true) {
    throw new FerroError('LISTEN_INSECURE', {
      detail: `${bind} is reachable from other machines; set insecurePublic (--insecure-public) to allow it`,
    });
  }
  const origins = access.allowedOrigins ?? [];
  for (const origin of origins) {
    if (!ORIGIN.test(origin))
      throw new FerroError('CONFIG_INVALID', { detail: `allowedOrigins: ${origin.slice(0, 100)}` });
  }
  const given = (access.allowedHosts ?? []).map((host) => host.toLowerCase());
  const anyHost = !loopback && given.length === 0;
  return {
    hosts: anyHost ? undefined : new Set([...(loopback ? LOOPBACK_HOSTS : []), ...given]),
    origins: new Set(origins),
    loopbackOrigins: loopback,
    headerLines: limits.headerLines,
  };
}
