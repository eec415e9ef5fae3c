import { describe, expect, it } from 'vitest';
import { RestartPolicy } from '../../../src/gateway/restart-policy.ts';

function policy(random = 0.5) {
  let now = 0;
  const options = { backoffMs: 100, backoffMaxMs: 1_000, breakerFailures: 4, breakerOpenMs: 5_000 };
  const restart = new RestartPolicy({ ...options, random: () => random, now: () => now });
  return { restart, advance: (ms: number) => (now += ms) };
}

describe('restart policy', () => {
  it('lets the first start through at once', () => {
    expect(policy().restart.admission()).toEqual({ kind: 'now' });
  });

  it('K03 backs off exponentially with full jitter, bounded', () => {
    const { restart } = policy(0.5);
    const waits: number[] = [];
    for (let failure = 0; failure < 3; failure += 1) {
      restart.failed();
      const admission = restart.admission();
      waits.push(admission.kind === 'wait' ? admission.ms : -1);
    }
    expect(waits).toEqual([50, 100, 200]);
    const spread = new Set(
      [0, 0.3, 0.99].map((random) => {
        const other = policy(random).restart;
        other.failed();
        return JSON.stringify(other.admission());
      }),
    );
    expect(spread.size).toBe(3);
  });

  it('K03 opens the circuit, lets one probe through, rests longer after a failed one', () => {
    const { restart, advance } = policy(1);
    for (let failure = 0; failure < 4; failure += 1) restart.failed();
    expect(restart.circuit).toBe('open');
    expect(restart.admission()).toEqual({ kind: 'open', ms: 5_000 });
    advance(5_000);
    expect(restart.circuit).toBe('half-open');
    expect(restart.admission()).toEqual({ kind: 'now' });
    restart.attempt();
    expect(restart.admission().kind).toBe('open');
    restart.failed();
    expect(restart.admission()).toEqual({ kind: 'open', ms: 10_000 });
    advance(10_000);
    restart.attempt();
    restart.succeeded();
    expect(restart.circuit).toBe('closed');
    expect(restart.admission()).toEqual({ kind: 'now' });
    expect(restart.failures).toBe(0);
  });

  it('never rests longer than ten times the setting', () => {
    const { restart, advance } = policy(1);
    for (let failure = 0; failure < 100; failure += 1) {
      restart.failed();
      const admission = restart.admission();
      if (admission.kind === 'open') expect(admission.ms).toBeLessThanOrEqual(50_000);
      advance(60_000);
    }
  });
});
