import type { UpstreamStatus } from '../gateway/upstreams.ts';
import { safeLine } from '../observability/safe-text.ts';
import type { StatusReporter } from './serve-status.ts';

/** How often the states are looked at. */
const INTERVAL_MS = 150;

/** What of a status is worth a line when it changes. */
function keyOf(status: UpstreamStatus): string {
  const { lists, state, lastError } = status;
  const up = lists.from !== 'none';
  const failing = state === 'open' || state === 'backing-off';
  if (failing || (!up && lastError !== undefined))
    return `failed ${lastError?.code ?? ''} ${state === 'open'}`;
  return up ? `up ${lists.from}` : 'starting';
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function describe(status: UpstreamStatus): string {
  const { lists, lastError, state } = status;
  const name = safeLine(status.name);
  if (keyOf(status).startsWith('failed')) {
    const reason = lastError === undefined ? 'no reason known' : `${lastError.code}: ${lastError.message}`;
    return `${name} failed (${reason}); ${state === 'open' ? 'resting before the next try' : 'trying again'}`;
  }
  const parts = [count(lists.tools, 'tool')];
  if (lists.resources > 0) parts.push(count(lists.resources, 'resource'));
  if (lists.templates > 0) parts.push(count(lists.templates, 'template'));
  if (lists.prompts > 0) parts.push(count(lists.prompts, 'prompt'));
  const how =
    lists.from === 'stored'
      ? 'known from the last run, starts on first use'
      : `revision ${status.revision ?? 'unknown'}`;
  return `${name} is up: ${parts.join(', ')} (${how})`;
}

/** Reports each upstream once when it comes up or fails, and again when that changes. Returns how to stop. */
export function reportUpstreams(
  states: () => readonly UpstreamStatus[],
  reporter: StatusReporter,
): () => void {
  const known = new Map<string, string>();
  const look = (): void => {
    for (const status of states()) {
      const key = keyOf(status);
      if (key === 'starting' || known.get(status.name) === key) continue;
      known.set(status.name, key);
      const failed = key.startsWith('failed');
      reporter.status(failed ? 'upstream-failed' : 'upstream-up', describe(status), {
        upstream: status.name,
        state: status.state,
        ...(failed
          ? { error: status.lastError }
          : {
              from: status.lists.from,
              tools: status.lists.tools,
              era: status.era,
              revision: status.revision,
            }),
      });
    }
  };
  look();
  const timer = setInterval(look, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
