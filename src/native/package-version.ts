import { createRequire } from 'node:module';

/** `version` of package.json, which is two folders up both from `src/native` and from `dist/native`. */
export function packageVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('../../package.json');
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : '';
  return String(version);
}
