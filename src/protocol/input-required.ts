import type { JsonValue } from '../core/json.ts';
import type { InputRequests } from '../core/mcp.ts';

const BRAND = Symbol.for('ferromcp.input-required');

/** Returned by a handler that needs answers before it can go on. */
export interface InputRequired {
  readonly [BRAND]: true;
  readonly inputRequests: InputRequests;
  /** Kept for the next round: sealed into `requestState` (modern) or held in memory (legacy). Must be JSON. */
  readonly state: JsonValue | undefined;
}

/**
 * Asks the client for input and ends this round. The handler runs again with `ctx.inputResponses` and
 * `ctx.inputState`; keys that were not answered validly are asked again before it does.
 */
export function inputRequired(request: {
  readonly inputRequests?: InputRequests;
  readonly state?: JsonValue;
}): InputRequired {
  return { [BRAND]: true, inputRequests: request.inputRequests ?? {}, state: request.state };
}

export function isInputRequired(value: unknown): value is InputRequired {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true;
}
