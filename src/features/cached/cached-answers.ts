import type { JsonObject } from '../../core/json.ts';
import type { CacheSubject, Flight, Landed, ResultCache } from '../../core/result-cache.ts';
import type { Call, CallWatcher } from '../../protocol/call.ts';
import { encodeJson } from '../../protocol/codec/index.ts';
import { ForwardedResult } from '../../protocol/forwarded-result.ts';
import { DetachedResult, EncodedResult, type MethodResult, TextResult } from '../../protocol/handler.ts';
import { isInputRequired } from '../../protocol/input-required.ts';
import type { ResultEncoder } from '../../protocol/result-encoder.ts';

export interface CachedAnswersDeps {
  readonly cache: ResultCache;
  readonly encoder: ResultEncoder;
  /** True while middleware looks at results: it gets values, as without a cache. */
  readonly hasMiddleware: () => boolean;
}

type Answer = MethodResult | Promise<MethodResult>;

/**
 * Answers requests from the cache where their tool, resource or template allows it. A hit is what the handler's answer
 * was, byte for byte; requests of the same kind that come while the handler runs wait for its answer.
 *
 * Kept are complete results only. What the handler looked at decides further: a result for which it asked who is calling
 * is private whatever was declared, and one for which it looked at the client or this one request (session, metadata,
 * client's name and capabilities) or asked the client is not kept at all.
 */
export class CachedAnswers {
  readonly #deps: CachedAnswersDeps;

  constructor(deps: CachedAnswersDeps) {
    this.#deps = deps;
  }

  answer(subject: CacheSubject, name: string, call: Call, run: () => Answer): Answer {
    // Goes on with what the user has answered (in the modern era the params say so themselves).
    if (call.inputResponses !== undefined || call.inputState !== undefined) return run();
    const form = this.#deps.hasMiddleware() ? 'plain' : 'wire';
    const { params, origin } = call;
    const { revision, principal } = origin;
    const attempt = this.#deps.cache.begin({ subject, name, params, revision, principal, form });
    if (attempt === undefined) return run();
    switch (attempt.kind) {
      case 'hit':
        return answerOf(attempt.text, form);
      case 'lead':
        return this.#lead(attempt.flight, subject, call, form, run);
      case 'wait':
        return this.#wait(attempt.landing, form, call, {
          again: () => this.answer(subject, name, call, run),
          alone: run,
        });
    }
  }

  async #wait(
    landing: Promise<Landed>,
    form: Form,
    call: Call,
    otherwise: { readonly again: () => Answer; readonly alone: () => Answer },
  ): Promise<MethodResult> {
    const landed = await landing;
    // Nobody waits for this call any more: its handler must not start for nothing.
    if (call.done) return {};
    if (landed.kind === 'hit') return answerOf(landed.text, form);
    return landed.kind === 'retry' ? otherwise.again() : otherwise.alone();
  }

  #lead(flight: Flight, subject: CacheSubject, call: Call, form: Form, run: () => Answer): Answer {
    const use = subject.policy.declared === true ? new DeclaredUse(flight) : new HandlerUse(flight);
    call.watcher = use;
    let answer: Answer;
    try {
      answer = run();
    } catch (error) {
      flight.drop();
      throw error;
    }
    if (!(answer instanceof Promise)) return this.#landed(flight, call, form, use, answer);
    return answer.then(
      (result) => this.#landed(flight, call, form, use, result),
      (error: unknown) => {
        flight.drop();
        throw error;
      },
    );
  }

  #landed(flight: Flight, call: Call, form: Form, use: Use, outcome: MethodResult): MethodResult {
    const result = outcome instanceof TextResult ? outcome.toJson() : outcome;
    call.watcher = undefined;
    let text: string | undefined;
    try {
      if (use.ttlMs > 0 && isKeepable(result)) {
        text =
          form === 'plain'
            ? encodeJson(result)
            : this.#deps.encoder.encode(call.method, result, call.revision);
      }
    } catch (error) {
      flight.drop();
      throw error;
    }
    if (text === undefined || !isWithin(text, call.limits.resultBytes)) {
      flight.drop();
      return result;
    }
    flight.keep(text, use.principal, use.ttlMs);
    return form === 'plain' ? result : new EncodedResult(text);
  }
}

/** What one run tells about its result. */
interface Use extends CallWatcher {
  /** It depends on who asks. */
  readonly principal: boolean;
  /** How long it may be kept; 0 = not at all. */
  readonly ttlMs: number;
}

/** A handler of the application: what it looks at decides. */
class HandlerUse implements Use {
  principal = false;
  ttlMs = Number.POSITIVE_INFINITY;
  readonly #flight: Flight;

  constructor(flight: Flight) {
    this.#flight = flight;
  }

  used(what: 'principal' | 'peer'): void {
    if (what === 'principal') {
      this.principal = true;
      return;
    }
    this.ttlMs = 0;
    // Nobody needs to wait for a result that will not be theirs, least of all while a user is being asked.
    this.#flight.drop();
  }

  keepFor(): void {}

  /** Whoever waits must not wait for a caller that has gone or run out of time. */
  finished(): void {
    this.#flight.abandon();
  }
}

/** A result from elsewhere: what it says of itself decides. */
class DeclaredUse implements Use {
  readonly principal = false;
  ttlMs = 0;
  readonly #flight: Flight;

  constructor(flight: Flight) {
    this.#flight = flight;
  }

  used(): void {}

  keepFor(ttlMs: number): void {
    if (Number.isFinite(ttlMs)) this.ttlMs = ttlMs;
  }

  finished(): void {
    this.#flight.abandon();
  }
}

type Form = 'wire' | 'plain';

function answerOf(text: string, form: Form): MethodResult {
  return form === 'wire' ? new EncodedResult(text) : (JSON.parse(text) as JsonObject);
}

/** Complete results; failures, questions, tasks and what passes through as bytes are not kept (2026-07-28, caching). */
function isKeepable(result: Exclude<MethodResult, TextResult>): result is JsonObject {
  if (result instanceof EncodedResult || result instanceof DetachedResult) return false;
  if (result instanceof ForwardedResult || isInputRequired(result)) return false;
  const { isError, resultType, task } = result;
  const complete = resultType === undefined || resultType === 'complete';
  return complete && task === undefined && (isError === undefined || isError === false);
}

function isWithin(text: string, limit: number): boolean {
  return text.length * 3 <= limit || Buffer.byteLength(text) <= limit;
}
