/**
 * When an upstream may be started (again): exponential back-off with full jitter after each failure, and a circuit
 * breaker that lets a single probe through once it has rested.
 */
export interface RestartPolicyOptions {
  /** Upper bound of the first delay; doubles with every failure in a row. Milliseconds. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Failures in a row that open the circuit. */
  readonly breakerFailures: number;
  /** First rest; doubles with every failed probe, up to ten times this. Milliseconds. */
  readonly breakerOpenMs: number;
  readonly random?: () => number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

export type Admission =
  | { readonly kind: 'now' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'open'; readonly ms: number };

const MAX_REST_FACTOR = 10;

export class RestartPolicy {
  readonly #options: RestartPolicyOptions;
  readonly #random: () => number;
  readonly #now: () => number;
  #failures = 0;
  #notBefore = 0;
  #open = false;
  #rests = 0;
  #probing = false;

  constructor(options: RestartPolicyOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#now = options.now ?? (() => performance.now());
  }

  get failures(): number {
    return this.#failures;
  }

  get circuit(): 'closed' | 'open' | 'half-open' {
    if (!this.#open) return 'closed';
    return this.#probing || this.#now() >= this.#notBefore ? 'half-open' : 'open';
  }

  /** May a start be tried? Does not change anything. */
  admission(): Admission {
    const ms = Math.max(0, this.#notBefore - this.#now());
    if (this.#open) return ms > 0 || this.#probing ? { kind: 'open', ms } : { kind: 'now' };
    return ms > 0 ? { kind: 'wait', ms } : { kind: 'now' };
  }

  /** An attempt begins; while the circuit is half-open it is the only one. */
  attempt(): void {
    if (this.#open) this.#probing = true;
  }

  failed(): void {
    this.#failures += 1;
    const { backoffMs, backoffMaxMs, breakerFailures, breakerOpenMs } = this.#options;
    if (this.#open || this.#failures >= breakerFailures) {
      const rest = Math.min(breakerOpenMs * 2 ** this.#rests, breakerOpenMs * MAX_REST_FACTOR);
      this.#rests += 1;
      this.#open = true;
      this.#probing = false;
      // Half of it fixed, half random: gateways that lost the same server do not come back in step.
      this.#notBefore = this.#now() + rest / 2 + (this.#random() * rest) / 2;
      return;
    }
    const ceiling = Math.min(backoffMaxMs, backoffMs * 2 ** (this.#failures - 1));
    this.#notBefore = this.#now() + this.#random() * ceiling;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#notBefore = 0;
    this.#open = false;
    this.#rests = 0;
    this.#probing = false;
  }
}
