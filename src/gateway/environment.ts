/** What an upstream process gets of our environment beyond the basics every child gets. */
import { matchesGlob } from './tool-filter.ts';

/** Without these a server behind a proxy or a company certificate cannot reach the network. */
const NETWORK = new Set([
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
]);

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables to set for a child: inherited ones named by `inheritEnv` (globs), then the upstream's own. */
export function upstreamEnvironment(
  own: Readonly<Record<string, string>>,
  inheritEnv: readonly string[],
  parent: Environment = process.env,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(parent)) {
    if (value === undefined) continue;
    if (NETWORK.has(name.toUpperCase()) || inheritEnv.some((glob) => matchesGlob(glob, name))) {
      result[name] = value;
    }
  }
  return { ...result, ...own };
}
