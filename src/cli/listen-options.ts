import { readFileSync } from 'node:fs';
import { FerroError } from '../core/errors.ts';
import type { ListenFlags } from './definitions/gateway-command.ts';
import type { ListenOptions } from './server-module.ts';

/** What the options of a command mean for `listen`. */
export function listenOptions(flags: ListenFlags, port: number): ListenOptions {
  return {
    port,
    host: flags.host ?? '127.0.0.1',
    ...(flags.allowHost === undefined ? {} : { allowedHosts: flags.allowHost }),
    ...(flags.allowOrigin === undefined ? {} : { allowedOrigins: flags.allowOrigin }),
    insecurePublic: flags.insecurePublic ?? false,
    legacySse: flags.legacySse ?? false,
    ...(flags.front === undefined ? {} : { front: flags.front }),
    ...tlsOptions(flags),
  };
}

/** @throws FerroError USAGE, CONFIG_INVALID */
function tlsOptions(flags: ListenFlags): Pick<ListenOptions, 'tls'> {
  const { tlsCert, tlsKey, tlsClientCa } = flags;
  if (tlsCert === undefined && tlsKey === undefined && tlsClientCa === undefined) return {};
  if (tlsCert === undefined || tlsKey === undefined)
    throw new FerroError('USAGE', { detail: '--tls-cert and --tls-key belong together' });
  const tls = { cert: pem(tlsCert), key: pem(tlsKey) };
  return {
    tls: tlsClientCa === undefined ? tls : { ...tls, ca: pem(tlsClientCa), clientCertificates: 'require' },
  };
}

function pem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FerroError('CONFIG_INVALID', { detail: reason, cause });
  }
}
