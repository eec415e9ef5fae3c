import { canonicalJson } from '../../../core/canonical-json.ts';
import type { JsonCodec } from '../../../core/envelope.ts';
import { FerroError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import type { InputRequest, InputRequests } from '../../../core/mcp.ts';
import type { Call, InputDriver, InputSource } from '../../call.ts';
import type { Run } from '../../execution.ts';
import { assertCapable, type ContentCheck, isValidAnswer } from '../../input-answers.ts';
import { type InputRequired, inputRequired } from '../../input-required.ts';
import { digest, type Sealer } from '../../seal.ts';

const PURPOSE = 'requestState';

/** What travels, sealed, in `requestState`. Short keys: it crosses the wire twice a round. */
interface RoundState {
  /** Binding: method, digest of the parameters, principal, expiry (epoch milliseconds). */
  readonly m: string;
  readonly d: string;
  readonly p: string;
  readonly e: number;
  /** Rounds so far. */
  readonly n: number;
  /** Valid answers so far. */
  readonly a: Readonly<Record<string, JsonObject>>;
  /** Results of `ctx.step`. */
  readonly s: Readonly<Record<string, JsonValue>>;
  /** Questions of the last round. */
  readonly q: InputRequests;
  /** State of an explicit `inputRequired`; `x` tells that there was one. */
  readonly h: JsonValue;
  readonly x: boolean;
}

export interface ModernInputsDeps {
  readonly sealer: Sealer;
  readonly codec: JsonCodec;
  readonly check: ContentCheck;
  readonly now: () => number;
}

/**
 * Multi round-trip requests (2026-07-28, MRTR). A question ends the round with an `input_required` result; the retry
 * brings the answers and the sealed state, and the handler runs again with what is already known.
 */
export class ModernInputs implements InputSource {
  readonly #deps: ModernInputsDeps;

  constructor(deps: ModernInputsDeps) {
    this.#deps = deps;
  }

  /**
   * Prepares a call that may ask. Returns questions that must be repeated before the handler may run again.
   * @throws FerroError STATE_INVALID or INVALID_PARAMS
   */
  open(call: Call): InputRequired | undefined {
    call.inputs = this;
    const responses = readResponses(call.params);
    const state = this.#readState(call);
    if (responses === undefined && state === undefined) return undefined;
    const round = new RoundInput(call, this.#deps.check, state?.n ?? 0, state?.a ?? {});
    call.driver = round;
    if (state === undefined) {
      // Answers without state: nothing to check them against yet; `ask` checks those a question claims.
      for (const [key, answer] of Object.entries(responses ?? {}))
        if (isJsonObject(answer)) round.offer(key, answer);
      call.inputResponses = round.answers;
      return undefined;
    }
    for (const [name, value] of Object.entries(state.s)) call.steps.set(name, value);
    const missing: Record<string, InputRequest> = {};
    for (const [key, request] of Object.entries(state.q)) {
      const answer = responses !== undefined && Object.hasOwn(responses, key) ? responses[key] : undefined;
      if (isValidAnswer(request, answer, this.#deps.check)) round.offer(key, answer);
      else missing[key] = request;
    }
    if (state.x) {
      call.inputResponses = round.answers;
      call.inputState = state.h;
    }
    if (Object.keys(missing).length > 0) round.repeat(missing, state.x ? state.h : undefined, state.x);
    return round.repeated;
  }

  driver(call: Call): InputDriver {
    return new RoundInput(call, this.#deps.check, 0, {});
  }

  /** Ends the round with an `input_required` result. @throws FerroError CAPABILITY_MISSING, CLIENT_INPUT_FAILED */
  finishRound(run: Run, outcome: InputRequired, metaText: string): void {
    const { call } = run;
    assertCapable(call.clientCapabilities, outcome.inputRequests);
    const round = call.driver instanceof RoundInput ? call.driver : undefined;
    const rounds = (round?.rounds ?? 0) + 1;
    if (rounds > run.limits.inputRounds) {
      throw new FerroError('CLIENT_INPUT_FAILED', {
        detail: `more than ${run.limits.inputRounds} rounds of input`,
      });
    }
    const state: RoundState = {
      m: call.method,
      d: bindingDigest(call.params),
      p: call.principal.id,
      e: this.#deps.now() + run.limits.requestStateTtlMs,
      n: rounds,
      a: round?.carried(outcome) ?? {},
      s: Object.fromEntries(call.steps),
      q: outcome.inputRequests,
      h: outcome.state ?? null,
      x: round?.explicit(outcome) ?? true,
    };
    const sealed = this.#deps.sealer.seal(PURPOSE, state as unknown as JsonValue);
    if (sealed.length > run.limits.requestStateBytes) {
      throw new FerroError('RESULT_TOO_LARGE', { detail: `requestState of ${sealed.length} bytes` });
    }
    const requests =
      Object.keys(outcome.inputRequests).length > 0
        ? `"inputRequests":${this.#encodeRequests(outcome)},`
        : '';
    run.reply(`{"resultType":"input_required",${requests}"requestState":"${sealed}",${metaText}}`);
  }

  #encodeRequests(outcome: InputRequired): string {
    const requests = Object.entries(outcome.inputRequests).map(([key, request]) => [
      key,
      modernRequest(request),
    ]);
    return this.#deps.codec.encode(Object.fromEntries(requests));
  }

  #readState(call: Call): RoundState | undefined {
    const text = call.params['requestState'];
    if (text === undefined) return undefined;
    if (typeof text !== 'string' || text.length > call.limits.requestStateBytes)
      throw new FerroError('STATE_INVALID');
    const state = this.#deps.sealer.open(PURPOSE, text) as unknown as RoundState | undefined;
    const bound =
      state !== undefined &&
      state.m === call.method &&
      state.p === call.principal.id &&
      state.e >= this.#deps.now() &&
      state.d === bindingDigest(call.params);
    if (!bound) throw new FerroError('STATE_INVALID');
    return state;
  }
}

/** The questions and answers of one round of one request. */
export class RoundInput implements InputDriver {
  readonly rounds: number;
  readonly #call: Call;
  readonly #check: ContentCheck;
  readonly #answers: Record<string, JsonObject>;
  #asked: Record<string, InputRequest> | undefined;
  #suspended: InputRequired | undefined;
  #repeated: { readonly outcome: InputRequired; readonly explicit: boolean } | undefined;

  constructor(
    call: Call,
    check: ContentCheck,
    rounds: number,
    answers: Readonly<Record<string, JsonObject>>,
  ) {
    this.#call = call;
    this.#check = check;
    this.rounds = rounds;
    // Keys come from the client: `__proto__` must be one like any other.
    this.#answers = Object.assign(Object.create(null) as Record<string, JsonObject>, answers);
  }

  get answers(): Readonly<Record<string, JsonObject>> {
    return this.#answers;
  }

  /** Questions of the last round that have no valid answer yet; the handler need not run to repeat them. */
  get repeated(): InputRequired | undefined {
    return this.#repeated?.outcome;
  }

  offer(key: string, answer: JsonObject): void {
    this.#answers[key] = answer;
  }

  repeat(missing: InputRequests, state: JsonValue | undefined, explicit: boolean): void {
    const outcome = inputRequired({ inputRequests: missing, ...(state === undefined ? {} : { state }) });
    this.#repeated = { outcome, explicit };
  }

  ask(key: string, request: InputRequest): Promise<JsonObject> {
    try {
      assertCapable(this.#call.clientCapabilities, { [key]: request });
    } catch (error) {
      return Promise.reject(error);
    }
    const answer = Object.hasOwn(this.#answers, key) ? this.#answers[key] : undefined;
    if (isValidAnswer(request, answer, this.#check)) return Promise.resolve(answer);
    if (this.#asked === undefined) {
      this.#asked = {};
      // Questions asked in the same turn travel together.
      setImmediate(() => this.#suspend());
    }
    this.#asked[key] = request;
    // Never settles: this run of the handler ends here, and nothing after the question may take effect.
    return new Promise(() => {});
  }

  /** Answers the next round starts with. Those to an explicit `inputRequired` were consumed by the handler. */
  carried(outcome: InputRequired): Readonly<Record<string, JsonObject>> {
    return outcome === this.#suspended || outcome === this.#repeated?.outcome ? this.#answers : {};
  }

  /** True when the handler itself returned the questions. */
  explicit(outcome: InputRequired): boolean {
    if (outcome === this.#suspended) return false;
    if (outcome === this.#repeated?.outcome) return this.#repeated.explicit;
    return true;
  }

  #suspend(): void {
    if (this.#call.done || this.#asked === undefined) return;
    this.#suspended = inputRequired({ inputRequests: this.#asked });
    // Ends the round: the handler is stuck on a question.
    this.#call.run?.settle(this.#suspended);
  }
}

/** The legacy `elicitationId` does not exist in the modern era (2026-07-28, changelog). */
function modernRequest(request: InputRequest): JsonObject {
  if (request.method !== 'elicitation/create') return request as unknown as JsonObject;
  const { elicitationId: _, mode, ...params } = request.params as unknown as JsonObject;
  return { method: request.method, params: { mode: mode ?? 'form', ...params } };
}

function readResponses(params: JsonObject): JsonObject | undefined {
  const responses = params['inputResponses'];
  if (responses === undefined) return undefined;
  if (!isJsonObject(responses))
    throw new FerroError('INVALID_PARAMS', { detail: 'inputResponses must be an object' });
  return responses;
}

/** Digest of what makes the request this request: its parameters without the round-trip members and `_meta`. */
function bindingDigest(params: JsonObject): string {
  const { _meta, inputResponses, requestState, ...rest } = params;
  return digest(canonicalJson(rest));
}
