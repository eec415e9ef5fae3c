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
  };
}
