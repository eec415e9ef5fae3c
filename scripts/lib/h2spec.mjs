/** Builds h2spec, runs it and judges its report. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './paths.mjs';
import { findOnPath, freePort, run, startBackground, waitForHealth } from './process.mjs';

const MODULE = 'github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible';
const TOOLS = join(ROOT, 'target', 'tools');
const RESULTS = join(ROOT, 'results', 'h2spec');
/** Tests of h2spec 2.2.1 without the strict ones; fewer mean that the run broke off. */
const TESTS = 145;

/** Failures that are no faults, by package and title. */
const KNOWN = new Map([
  [
    'http2/3.5 Sends invalid connection preface',
    'in clear the port speaks HTTP/1.1 too, so what does not begin as HTTP/2 is answered in HTTP/1.1 with 400',
  ],
]);

/** What nghttp2, with which Node speaks HTTP/2, does its own way; the same on a bare `node:http2` server. */
const KNOWN_OF_NODE = new Map([
  ...KNOWN,
  ...[
    'http2/5.1 half closed (remote): Sends a DATA frame',
    'http2/5.1 closed: Sends a DATA frame after sending RST_STREAM frame',
    'http2/5.1 closed: Sends a HEADERS frame after sending RST_STREAM frame',
    'http2/5.1 closed: Sends a DATA frame',
    'http2/5.1 closed: Sends a HEADERS frame',
    'http2/5.1.1 Sends stream identifier that is numerically smaller than previous',
    'http2/6.7 Sends a PING frame with ACK',
    'http2/6.9.1 Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1',
  ].map((name) => [name, 'nghttp2 passes over such frames, or ends the connection in another way']),
]);

/** Path of h2spec, built on first use. */
async function h2spec() {
  const found = findOnPath('h2spec');
  if (found !== undefined) return found;
  const file = join(TOOLS, process.platform === 'win32' ? 'h2spec.exe' : 'h2spec');
  if (existsSync(file)) return file;
  const go = findOnPath('go') ?? ['/usr/local/go/bin/go'].find((path) => existsSync(path));
  if (go === undefined) throw new Error('h2spec is not here and building it needs Go');
  mkdirSync(TOOLS, { recursive: true });
  const { code } = await run(go, ['install', MODULE], { env: { ...process.env, GOBIN: TOOLS } });
  if (code !== 0) throw new Error(`go install ended with code ${code}`);
  return file;
}

async function startExample() {
  const cargo = ['--quiet', '-p', 'front', '--example', 'h2'];
  const { code } = await run('cargo', ['build', ...cargo], { cwd: ROOT });
  if (code !== 0) throw new Error(`cargo build ended with code ${code}`);
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}/mcp`;
  const child = startBackground('cargo', ['run', ...cargo, '--', address], {
    name: 'the example',
    cwd: ROOT,
  });
  try {
    await waitForHealth(url, child);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { url, child };
}

/** Every test of a JUnit report with what went wrong, if anything did. */
export function readReport(xml) {
  return xml
    .split('<testcase ')
    .slice(1)
    .map((text) => {
      const attribute = (name) => new RegExp(`${name}="([^"]*)"`).exec(text)?.[1] ?? '';
      const trouble = /<(?:failure|error)[^>]*>([\s\S]*?)<\/(?:failure|error)>/.exec(text)?.[1];
      return {
        name: `${attribute('package')} ${attribute('classname')}`,
        skipped: text.includes('<skipped'),
        trouble: trouble?.trim(),
      };
    });
}

/** Counts a report and says why each failure counts or does not. */
export function judge(tests, front = 'native') {
  const known = front === 'node' ? KNOWN_OF_NODE : KNOWN;
  const lines = [];
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, skipped, trouble } of tests) {
    if (trouble === undefined) {
      count[skipped ? 'skipped' : 'passed'] += 1;
      continue;
    }
    const reason = known.get(name);
    count[reason === undefined ? 'failed' : 'skipped'] += 1;
    lines.push(`${reason === undefined ? 'FAILED' : 'known'}: ${name}: ${reason ?? trouble}`);
  }
  return { lines, count };
}

async function test({ url, strict, front }) {
  const { protocol, hostname, port, pathname } = new URL(url);
  const secure = protocol === 'https:';
  rmSync(RESULTS, { recursive: true, force: true });
  mkdirSync(RESULTS, { recursive: true });
  const report = join(RESULTS, 'report.xml');
  const args = [
    '-h',
    hostname,
    '-p',
    port || (secure ? '443' : '80'),
    '-P',
    pathname,
    '-j',
    report,
    '-o',
    '5',
  ];
  if (secure) args.push('-t', '-k');
  if (strict) args.push('-S');
  const { output } = await run(await h2spec(), args, { capture: true });
  if (!existsSync(report)) throw new Error(`h2spec left no report:\n${output}`);
  return judge(readReport(readFileSync(report, 'utf8')), front);
}

async function compare(values) {
  const server = values.url === undefined ? await startExample() : { url: values.url };
  try {
    const { lines, count } = await test({ ...values, url: server.url });
    for (const line of lines) console.log(line);
    const ended = server.child?.ended();
    if (ended !== undefined) throw new Error(`the example ${ended}:\n${server.child.output()}`);
    const ran = count.passed + count.failed + count.skipped;
    if (ran < TESTS) throw new Error(`only ${ran} of ${TESTS} tests ran`);
    return count;
  } finally {
    await server.child?.stop();
  }
}

export async function runH2spec(argv) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        url: { type: 'string' },
        strict: { type: 'boolean', default: false },
        front: { type: 'string', default: 'native' },
      },
    });
    if (!['native', 'node'].includes(values.front)) throw new Error('--front takes native or node');
    const { passed, failed, skipped } = await compare(values);
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    process.exitCode = failed === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`ferromcp: ${error.message}\n`);
    console.log('0 passed, 1 failed');
    process.exitCode = 1;
  }
}
