/**
 * A registry on loopback that has the packages of the `@ferromcp` scope and nothing else, so that npm itself picks the
 * platform package by system, processor and C library, as it does after a release.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { PLATFORMS, packageFolder, packageName } from './platforms.mjs';

/**
 * @param {{ name: string, tarball: string } | undefined} available the only platform whose tarball can be had; the
 * others are only described. Without it the registry has nothing.
 */
export async function scopeRegistry(available) {
  const asked = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://registry').pathname);
    asked.push(path);
    const tarball = path === '/tarball.tgz' ? available?.tarball : undefined;
    if (tarball !== undefined) {
      response.end(readFileSync(tarball));
      return;
    }
    const found = available && PLATFORMS.find((one) => path === `/${packageName(one.name)}`);
    response.statusCode = found === undefined ? 404 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(found === undefined ? { error: 'not found' } : document(found)));
  });

  function document(platform) {
    const manifest = JSON.parse(readFileSync(join(packageFolder(platform.name), 'package.json'), 'utf8'));
    const here = platform.name === available.name;
    const bytes = here ? readFileSync(available.tarball) : Buffer.from('never fetched');
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    const tarball = `http://127.0.0.1:${server.address().port}/${here ? 'tarball' : platform.name}.tgz`;
    const version = { ...manifest, dist: { tarball, integrity } };
    return {
      name: manifest.name,
      'dist-tags': { latest: manifest.version },
      versions: { [manifest.version]: version },
    };
  }

  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    asked,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
