import { packageVersion } from './package-version.ts';
import { type NativePort, STATUS_CODES } from './port.ts';
import { scanEnvelope } from './scanner.ts';
import { sonaFallback } from './sona.ts';

/** The port in TypeScript: used when there is no addon, and whenever it is asked for. */
export const fallback: NativePort = {
  version: packageVersion,
  statusCodes: () => STATUS_CODES.join(','),
  scanEnvelope,
  ...sonaFallback,
};
