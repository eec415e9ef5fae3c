/** One finding of `ferromcp doctor`. */
export interface HealthCheck {
  /** Stable name, for scripts. */
  readonly id: string;
  readonly title: string;
  /** `problem` makes the command fail; a `warning` is worth knowing. */
  readonly status: 'ok' | 'warning' | 'problem' | 'skipped';
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
  /** Machine-readable findings. */
  readonly data?: Readonly<Record<string, unknown>>;
}
