import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, constants, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { isFerroError } from '../core/errors.ts';
import { packageVersion } from '../native/package-version.ts';
import type { GatewayConfig } from '../runtime/config/gateway-config.ts';
import type { HealthCheck } from './health-check.ts';
import { runsTypeScript } from './module-loader.ts';

/** The checks of `ferromcp doctor` that concern this machine and the configuration file. */

const MINIMUM_NODE = 20;

export function checkPackage(): HealthCheck {
  const version = packageVersion();
  return { id: 'package', title: 'ferromcp', status: 'ok', detail: version, data: { version } };
}

export function checkNode(version: string = process.versions.node): HealthCheck {
  const major = Number(version.split('.', 1)[0]);
  const supported = major >= MINIMUM_NODE;
  const typescript = runsTypeScript() ? 'by Node' : 'by jiti';
  return {
    id: 'node',
    title: 'Node.js',
    status: supported ? 'ok' : 'problem',
    detail: `${version} on ${process.platform} ${process.arch}; TypeScript modules run ${typescript}`,
    ...(supported ? {} : { advice: `Version ${MINIMUM_NODE} or newer is needed.` }),
    data: { version, platform: process.platform, arch: process.arch, typescript: runsTypeScript() },
  };
}

export async function checkNative(): Promise<HealthCheck> {
  const { loadNative } = await import('../native/loader.ts');
  const { status } = loadNative();
  const base = { id: 'native', title: 'native addon', data: { ...status } };
  if (status.loaded)
    return { ...base, status: 'ok', detail: `loaded from ${status.path ?? 'an unknown place'}` };
  const reason = status.reason ?? 'no reason given';
  // Switched off on purpose, or simply not there: everything works, slower.
  return {
    ...base,
    status: process.env['FERROMCP_NATIVE'] === '0' ? 'ok' : 'warning',
    detail: `not loaded (${status.code === undefined ? '' : `${status.code}: `}${reason}); the TypeScript implementation is used`,
  };
}

export async function checkConfig(
  path: string,
): Promise<{ readonly check: HealthCheck; readonly config?: GatewayConfig }> {
  const [{ readGatewayConfig }, { describe }] = await Promise.all([
    import('../runtime/config/gateway-config.ts'),
    import('../runtime/config/diagnostics.ts'),
  ]);
  const base = { id: 'config', title: 'configuration' };
  try {
    const config = readGatewayConfig(path);
    const count = config.servers.length;
    const lines = [`${resolve(path)}: ${count} server${count === 1 ? '' : 's'}`];
    for (const warning of config.warnings) lines.push(describe(path, warning));
    const status = count === 0 ? 'problem' : config.warnings.length > 0 ? 'warning' : 'ok';
    return {
      check: {
        ...base,
        status,
        detail: lines.join('\n'),
        data: {
          path: resolve(path),
          servers: config.servers.map(({ name }) => name),
          warnings: config.warnings,
        },
      },
      config,
    };
  } catch (error) {
    if (!isFerroError(error)) throw error;
    return {
      check: {
        ...base,
        status: 'problem',
        detail: `${error.code}\n${error.detail ?? error.message}`,
        data: { code: error.code, ...(error.data as object | undefined) },
      },
    };
  }
}

/** The nearest directory above a path that exists. */
function existingParent(path: string): string {
  let current = path;
  while (!existsSync(current) && dirname(current) !== current) current = dirname(current);
  return current;
}

export async function checkStateDirectory(configured: string | undefined): Promise<HealthCheck> {
  const { defaultStateDirectory } = await import('../runtime/config/state-directory.ts');
  const path = resolve(configured ?? defaultStateDirectory());
  const base = { id: 'state', title: 'state directory', data: { path } };
  try {
    if (!existsSync(path)) {
      // Looking must not leave traces: only say whether it could be made.
      const parent = existingParent(path);
      await access(parent, constants.W_OK);
      return { ...base, status: 'ok', detail: `${path} (will be made)` };
    }
    if (!(await stat(path)).isDirectory())
      return { ...base, status: 'problem', detail: `${path} is not a directory` };
    const probe = join(path, `.doctor-${randomBytes(6).toString('hex')}`);
    await writeFile(probe, '', { flag: 'wx', mode: 0o600 });
    await rm(probe);
    return { ...base, status: 'ok', detail: `${path} is writable` };
  } catch (error) {
    const reason =
      error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
    return {
      ...base,
      status: 'problem',
      detail: `${path} is not writable (${reason})`,
      advice: 'Choose another with --state-dir or FERROMCP_STATE_DIR.',
    };
  }
}

export function checkPort(host: string, port: number): Promise<HealthCheck> {
  const base = { id: 'port', title: 'port', data: { host, port } };
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      done({
        ...base,
        status: 'problem',
        detail: taken
          ? `${host}:${port} is taken`
          : `${host}:${port} cannot be listened on (${error.code ?? error.message})`,
        ...(taken ? { advice: 'Choose another with --port, or end what listens there.' } : {}),
      });
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => done({ ...base, status: 'ok', detail: `${host}:${port} is free` }));
    });
  });
}
