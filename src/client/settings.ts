import { type Logger, SILENT } from '../core/log.ts';
import type { ClientCapabilities, Implementation } from '../core/mcp.ts';
import type { Era } from '../core/revisions.ts';
import type { ClientOptions } from './contract.ts';
import { capabilitiesOf } from './input-answers.ts';

/** {@link ClientOptions} with every default filled in. */
export interface ClientSettings {
  readonly info: Implementation;
  readonly capabilities: ClientCapabilities;
  readonly era: 'auto' | Era;
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly probeTimeoutMs: number;
  readonly maxInFlight: number;
  readonly maxServerRequests: number;
  readonly maxPages: number;
  readonly maxItems: number;
  readonly inputRounds: number;
  readonly resultTypes: ReadonlySet<string>;
  readonly logger: Logger;
}

export function resolveSettings(options: ClientOptions): ClientSettings {
  const connectTimeoutMs = options.connectTimeoutMs ?? 30_000;
  return {
    info: options.info ?? { name: 'ferromcp', version: '0.1.0' },
    capabilities: options.capabilities ?? capabilitiesOf(options),
    era: options.era ?? 'auto',
    timeoutMs: options.timeoutMs ?? 60_000,
    maxTimeoutMs: options.maxTimeoutMs ?? 600_000,
    connectTimeoutMs,
    probeTimeoutMs: Math.min(options.probeTimeoutMs ?? 5_000, connectTimeoutMs / 2),
    maxInFlight: options.maxInFlight ?? 1_024,
    maxServerRequests: options.maxServerRequests ?? 64,
    maxPages: options.maxPages ?? 1_000,
    maxItems: options.maxItems ?? 100_000,
    inputRounds: options.inputRounds ?? 16,
    resultTypes: new Set(['complete', ...(options.resultTypes ?? [])]),
    logger: options.logger ?? SILENT,
  };
}
