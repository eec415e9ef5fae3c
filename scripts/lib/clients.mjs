/** Clients of other makers against the gateway that `npm start` runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BootstrapError, bootstrap } from './bootstrap.mjs';
import { installChecker } from './checker.mjs';
import { runInspectorCli, runMcpdo } from './inspector.mjs';
import { MAIN, ROOT } from './paths.mjs';
import { freePort, startBackground, waitForHealth } from './process.mjs';
import { gatewayArguments } from './program.mjs';
import { installPythonClient, runPythonClient } from './python-client.mjs';

const MODERN = '2026-07-28';

async function startGateway(state) {
  const port = await freePort();
  const words = [...gatewayArguments(['--port', String(port)]), '--state-dir', state];
  const child = startBackground(process.execPath, [MAIN, ...words], { name: 'the gateway', cwd: ROOT });
  try {
    await waitForHealth(`http://127.0.0.1:${port}/healthz`, child);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}/mcp`, child };
}

/** Every client, era and transport; `stdio` are the words that start the gateway as a child of the client. */
function runsOf(url, stdio, folder) {
  const inspector = ['legacy', 'modern'].flatMap((era) => [
    [`Inspector CLI, ${era}, http`, () => runInspectorCli(era, [url], folder)],
    [`Inspector CLI, ${era}, stdio`, () => runInspectorCli(era, stdio, folder)],
    [`Inspector mcpdo, ${era}, http`, () => runMcpdo(era, url, folder)],
  ]);
  const python = ['legacy', 'auto', MODERN].flatMap((mode) => [
    [`Python mcp, ${mode}, http`, () => runPythonClient(mode, [url])],
    [`Python mcp, ${mode}, stdio`, () => runPythonClient(mode, stdio)],
  ]);
  return [...inspector, ...python];
}

async function runAll() {
  const folder = mkdtempSync(join(tmpdir(), 'ferromcp-clients-'));
  const state = join(folder, 'state');
  try {
    const gateway = await startGateway(state);
    const stdio = [process.execPath, MAIN, ...gatewayArguments(['--stdio']), '--state-dir', state];
    const results = [];
    try {
      for (const [name, action] of runsOf(gateway.url, stdio, folder)) {
        results.push({ name, checks: await action() });
      }
    } finally {
      await gateway.child.stop();
    }
    return { results, output: gateway.child.output() };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The table, what failed, and how many. */
export function reportClients(results) {
  const width = Math.max(...results.map(({ name }) => name.length));
  const lines = [`${'client, era, transport'.padEnd(width)}  passed failed`];
  const total = { passed: 0, failed: 0 };
  for (const { name, checks } of results) {
    const passed = checks.filter(({ ok }) => ok).length;
    // A run without a check has shown nothing.
    const failed = checks.length === 0 ? 1 : checks.length - passed;
    total.passed += passed;
    total.failed += failed;
    lines.push(`${name.padEnd(width)}  ${String(passed).padStart(6)} ${String(failed).padStart(6)}`);
  }
  for (const { name, checks } of results) {
    for (const check of checks) {
      if (!check.ok) lines.push(`FAILED: ${name}: ${check.name}: ${check.detail}`);
    }
  }
  return { lines, ...total };
}

export async function runClients() {
  try {
    await bootstrap();
    await installChecker();
    await installPythonClient();
    const { results, output } = await runAll();
    const { lines, passed, failed } = reportClients(results);
    console.log(lines.join('\n'));
    console.log(
      'The Inspector CLI declares no capability, so it is never asked; mcpdo of the same package is.',
    );
    if (failed > 0) console.log(`--- output of the gateway\n${output}\n---`);
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  } catch (error) {
    process.stderr.write(`ferromcp: ${error instanceof BootstrapError ? error.message : error.stack}\n`);
    console.log('0 passed, 1 failed');
    process.exitCode = 1;
  }
}
