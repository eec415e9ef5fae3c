/** The steps of the pack test. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrapOrExit, npmCommand } from '../bootstrap.mjs';
import { ROOT } from '../paths.mjs';
import { freePort, run, startBackground, waitForHealth } from '../process.mjs';
import { pathWithoutCargo } from '../smoke.mjs';
import { askOverHttp, askOverStdio } from './official-client.mjs';
import { addonFile, hostPlatform, packageName } from './platforms.mjs';
import { readmeExamples } from './readme-examples.mjs';
import { scopeRegistry } from './scope-registry.mjs';
import { stage } from './stage.mjs';

/** More than this is something that does not belong into the package. */
const MAIN_BYTES = 3 * 1024 * 1024;
const CITY = { city: 'Bergen' };
const ANSWER = 'Sunny in Bergen';

const expect = (condition, message) => {
  if (!condition) throw new Error(message);
};

class Steps {
  passed = 0;
  failed = 0;

  async step(name, action) {
    try {
      const result = await action();
      this.passed += 1;
      console.log(`ok: ${name}`);
      return result ?? true;
    } catch (error) {
      this.failed += 1;
      console.log(`FAILED: ${name}: ${error.message}`);
      return undefined;
    }
  }
}

async function npm(args, options) {
  const { command, args: before, shell } = npmCommand();
  const { code, output } = await run(command, [...before, ...args], { capture: true, shell, ...options });
  if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with ${code}:\n${output.trimEnd()}`);
  return output;
}

/** Packs a staged package; returns its file and what is in it. */
async function pack(folder, into) {
  const output = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', into], {
    cwd: folder,
  });
  const packed = JSON.parse(output.slice(output.search(/^[[{]/m)));
  // npm 11 prints a list, npm 12 an object by package name.
  const [about] = Array.isArray(packed) ? packed : Object.values(packed);
  const files = about.files.map(({ path }) => path);
  return { file: join(into, about.filename), packed: about.size, unpacked: about.unpackedSize, files };
}

const kib = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`;

function printSizes(name, about) {
  const { packed, unpacked, files } = about;
  console.log(`${name}: ${kib(packed)} packed, ${kib(unpacked)} unpacked, ${files.length} files`);
}

/** A user's folder with the package in it. */
class Consumer {
  constructor(folder, env) {
    this.folder = folder;
    this.env = env;
    mkdirSync(folder);
    writeFileSync(
      join(folder, 'package.json'),
      '{ "name": "consumer", "private": true, "type": "module" }\n',
    );
  }

  async install(tarball, registry) {
    writeFileSync(join(this.folder, '.npmrc'), `@ferromcp:registry=${registry.url}\n`);
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    await npm(['install', ...flags, tarball, 'zod@4'], { cwd: this.folder, env: this.env });
  }

  addons() {
    const scope = join(this.folder, 'node_modules', '@ferromcp');
    return existsSync(scope) ? readdirSync(scope) : [];
  }

  /** Runs a program of the package to its end and returns what it printed. */
  npx(args) {
    const { env, folder: cwd } = this;
    return run('npx', ['--no-install', ...args], { capture: true, cwd, env });
  }

  write(name, text) {
    writeFileSync(join(this.folder, name), text);
    return join(this.folder, name);
  }
}

async function health(consumer) {
  const { output } = await consumer.npx(['ferromcp', 'doctor', '--json', '--port', String(await freePort())]);
  const report = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1));
  return report.checks.find(({ id }) => id === 'native');
}

async function withServer(consumer, command, args, port, action) {
  const server = startBackground(command, args, { cwd: consumer.folder, env: consumer.env, name: args[0] });
  try {
    await waitForHealth(`http://127.0.0.1:${port}/healthz`, server, 60_000);
    return await action(`http://127.0.0.1:${port}/mcp`, server);
  } finally {
    await server.stop();
  }
}

async function examples(steps, consumer) {
  const readme = readmeExamples();
  const node = process.execPath;
  const program = consumer.write('server.mjs', readme.server);
  const config = consumer.write(
    'mcp.json',
    `${JSON.stringify({ mcpServers: { weather: { command: node, args: [program] } } }, null, 2)}\n`,
  );
  const expectAnswer = (text) => expect(text === ANSWER, `answered ${JSON.stringify(text)}`);
  const options = { cwd: consumer.folder, env: consumer.env };

  await steps.step('the server of the README answers the official client over HTTP', async () => {
    const port = await freePort();
    await withServer(consumer, node, [program, '--port', String(port)], port, async (url) => {
      for (const era of ['legacy', 'modern']) expectAnswer(await askOverHttp(url, era, 'forecast', CITY));
    });
  });
  await steps.step('the server of the README answers the official client over stdio', async () => {
    expectAnswer(await askOverStdio({ command: node, args: [program] }, options, 'forecast', CITY));
  });
  await steps.step('the example in memory of the README prints the result', async () => {
    const file = consumer.write('in-memory.mjs', readme.inMemory);
    const { code, output } = await run(node, [file], { capture: true, timeout: 60_000, ...options });
    expect(code === 0 && output.includes(ANSWER), `code ${code}: ${output}`);
  });
  await steps.step('the gateway of the README brings the server to the official client', async () => {
    const port = await freePort();
    const args = ['--no-install', ...readme.gateway(config), '--port', String(port)];
    await withServer(consumer, 'npx', args, port, async (url) => {
      expectAnswer(await askOverHttp(url, 'modern', 'weather__forecast', CITY));
    });
  });
  await steps.step('a client starts the gateway of the README itself', async () => {
    const entry = readme.clientEntry(config);
    expectAnswer(await askOverStdio(entry, options, 'weather__forecast', CITY));
  });
}

async function withPlatformPackage(steps, work, env, main, addon) {
  console.log('\nwith the platform package');
  const registry = await scopeRegistry(addon);
  const consumer = new Consumer(join(work, 'with'), env);
  try {
    const installed = await steps.step('npm installs both, without scripts and without cargo', () =>
      consumer.install(main, registry),
    );
    if (installed === undefined) return;
    await steps.step('of all platform packages only the one of this machine is there', () => {
      const expected = packageName(addon.name).split('/')[1];
      expect(consumer.addons().join() === expected, `there are ${consumer.addons()}`);
      // npm may have the right one in its cache.
      const others = registry.asked.filter((path) => path.endsWith('.tgz') && path !== '/tarball.tgz');
      expect(others.length === 0, `fetched ${others}`);
    });
    await steps.step('the addon is loaded from it', async () => {
      const check = await health(consumer);
      expect(check.status === 'ok' && check.data.loaded, JSON.stringify(check));
      expect(check.data.path === packageName(addon.name), `loaded from ${check.data.path}`);
    });
    await examples(steps, consumer);
  } finally {
    await registry.close();
  }
}

async function withoutPlatformPackage(steps, work, env, main) {
  console.log('\nwithout the platform package');
  const registry = await scopeRegistry();
  const consumer = new Consumer(join(work, 'without'), env);
  try {
    const installed = await steps.step('npm installs the main package when there is none', () =>
      consumer.install(main, registry),
    );
    if (installed === undefined) return;
    await steps.step('one line says that TypeScript is used instead', async () => {
      expect(consumer.addons().length === 0, `there are ${consumer.addons()}`);
      const { code, output } = await consumer.npx(['ferromcp', 'doctor', '--port', String(await freePort())]);
      const lines = output.split('\n').filter((line) => line.includes('addon'));
      expect(code === 0 && lines.length === 1, `code ${code}: ${output}`);
      expect(/not loaded \(no addon for .*TypeScript implementation is used/.test(lines[0]), lines[0]);
    });
    await examples(steps, consumer);
  } finally {
    await registry.close();
  }
}

/** The environment of a user's shell: without cargo, our own variables, and what npm tells the scripts it runs. */
function userEnvironment(work) {
  const told = /^(FERROMCP_|npm_(package|lifecycle|command|execpath|node_execpath|config_(local_)?prefix))/;
  const kept = Object.entries(process.env).filter(([name]) => !told.test(name));
  return { ...Object.fromEntries(kept), PATH: pathWithoutCargo(work) };
}

function contents(main, addon, name) {
  const strange = main.files.filter(
    (path) => !/^(dist|docs|examples)\/|^(package\.json|index\.d\.ts|README\.md|LICENSE)$/.test(path),
  );
  expect(strange.length === 0, `also in the main package: ${strange}`);
  for (const path of ['dist/index.js', 'dist/cli/main.js', 'index.d.ts', 'LICENSE', 'README.md']) {
    expect(main.files.includes(path), `${path} is not in the main package`);
  }
  expect(main.packed < MAIN_BYTES, `the main package has ${kib(main.packed)}`);
  const expected = ['LICENSE', 'README.md', addonFile(name), 'package.json'];
  expect(addon.files.toSorted().join() === expected.join(), `the platform package has ${addon.files}`);
}

export async function runPackTest() {
  await bootstrapOrExit();
  const steps = new Steps();
  const work = mkdtempSync(join(tmpdir(), 'ferromcp-pack-'));
  try {
    const host = hostPlatform();
    const built = host && join(ROOT, 'native', addonFile(host.name));
    const packed = await steps.step('the packages are packed and have what belongs into them', async () => {
      expect(host !== undefined, `no package is published for ${process.platform} ${process.arch}`);
      expect(existsSync(built), `${built} is not there: the addon has not been built`);
      const staged = stage(join(work, 'staged'), new Map([[host.name, built]]));
      const main = await pack(staged.main, work);
      const addon = await pack(staged.platforms.get(host.name), work);
      printSizes('ferromcp', main);
      printSizes(packageName(host.name), addon);
      contents(main, addon, host.name);
      return { main: main.file, addon: { name: host.name, tarball: addon.file } };
    });
    if (packed !== undefined) {
      const env = userEnvironment(work);
      await withPlatformPackage(steps, work, env, packed.main, packed.addon);
      await withoutPlatformPackage(steps, work, env, packed.main);
    }
  } finally {
    rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  }
  console.log(`\n${steps.passed} passed, ${steps.failed} failed`);
  process.exitCode = steps.failed > 0 ? 1 : 0;
}
