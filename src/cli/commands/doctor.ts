import { safeText } from '../../observability/safe-text.ts';
import type { GatewayConfig } from '../../runtime/config/gateway-config.ts';
import type { CliContext } from '../definitions/context.ts';
import type { DoctorFlags } from '../definitions/doctor-command.ts';
import { EXIT } from '../exit-codes.ts';
import type { HealthCheck } from '../health-check.ts';
import {
  checkConfig,
  checkNative,
  checkNode,
  checkPackage,
  checkPort,
  checkStateDirectory,
} from '../health-checks.ts';
import { createActivity } from '../progress.ts';
import { jsonText } from '../terminal.ts';
import { probeUpstreams } from '../upstream-probe.ts';
import { createCommandLogger } from '../wiring.ts';

const MARKS = { ok: 'ok     ', warning: 'warning', problem: 'problem', skipped: 'skipped' } as const;

function render(check: HealthCheck): string {
  const [first = '', ...rest] = safeText(check.detail).split('\n');
  const lines = [`${MARKS[check.status]}  ${safeText(check.title)}: ${first}`];
  for (const line of rest) lines.push(`         ${line}`);
  if (check.advice !== undefined) lines.push(`         ${safeText(check.advice)}`);
  return lines.join('\n');
}

/** Runs every check and says what it found; exit code 1 when something would keep the gateway from working. */
export async function doctor(context: CliContext, flags: DoctorFlags): Promise<number> {
  const { terminal } = context;
  const json = flags.json === true;
  const checks: HealthCheck[] = [];
  const add = (check: HealthCheck): void => {
    checks.push(check);
    if (!json) terminal.out(render(check));
  };
  add(checkPackage());
  add(checkNode());
  add(await checkNative());
  let config: GatewayConfig | undefined;
  if (flags.config !== undefined) {
    const result = await checkConfig(flags.config);
    add(result.check);
    config = result.config;
  }
  add(await checkStateDirectory(flags.stateDir ?? config?.stateDir));
  add(await checkPort(flags.host, flags.port));
  if (config !== undefined && flags.probe) {
    const activity = createActivity(terminal, json, (text) => void process.stderr.write(text));
    activity.step(`starting ${config.servers.length} servers`);
    const logger = await createCommandLogger(flags.logLevel, terminal);
    for await (const check of probeUpstreams(config.servers, flags.timeout, logger)) {
      activity.end();
      add(check);
    }
    activity.end();
  }
  const problems = checks.filter((check) => check.status === 'problem').length;
  if (json) terminal.out(jsonText({ ok: problems === 0, problems, checks }));
  else
    terminal.out(
      problems === 0 ? '\nNo problems found.' : `\n${problems} problem${problems === 1 ? '' : 's'} found.`,
    );
  return problems === 0 ? EXIT.ok : EXIT.failed;
}
