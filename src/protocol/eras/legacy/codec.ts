import { randomUUID } from 'node:crypto';
import type { JsonCodec } from '../../../core/envelope.ts';
import { FerroError, isFerroError } from '../../../core/errors.ts';
import type { JsonObject, JsonValue } from '../../../core/json.ts';
import type { Logger } from '../../../core/log.ts';
import type { InputRequest, InputRequests, InputResponses } from '../../../core/mcp.ts';
import { isAtLeast, type LegacyRevision } from '../../../core/revisions.ts';
import type { Call, InputDriver, InputSource } from '../../call.ts';
import type { EraCodec, Run } from '../../execution.ts';
import { type ForwardedResult, objectOf, type Parts } from '../../forwarded-result.ts';
import { type WireError, wireError } from '../../frames.ts';
import { TextResult } from '../../handler.ts';
import { assertCapable, type ContentCheck, isValidAnswer } from '../../input-answers.ts';
import type { InputRequired } from '../../input-required.ts';
import type { MethodSpec } from '../../methods.ts';
import { projectForwarded, projectResult } from './projection.ts';

/** How often a client that answers something unusable is asked again. */
const MAX_REPEATS = 3;

/** Writes results and errors as the legacy revisions want them, and turns input requests into real requests. */
export class LegacyCodec implements EraCodec, InputSource {
  readonly missingId = 'null';
  readonly goneCancels = false;
  readonly #codec: JsonCodec;
  readonly #check: ContentCheck;

  constructor(codec: JsonCodec, check: ContentCheck) {
    this.#codec = codec;
    this.#check = check;
  }

  encodeResult(call: Call, _spec: MethodSpec, result: JsonObject | TextResult): string {
    if (result instanceof TextResult) {
      return `{"content":[{"type":"text","text":${this.#codec.encode(result.text)}}]}`;
    }
    return this.encode(call.method, result, call.revision as LegacyRevision);
  }

  encodeForwarded(call: Call, spec: MethodSpec, result: ForwardedResult): Parts {
    const members = projectForwarded(call.method, result, call.revision as LegacyRevision);
    if (members === undefined) return [Buffer.from(this.encodeResult(call, spec, result.toJson()))];
    const { meta } = result;
    return objectOf(meta === undefined ? [] : [`"_meta":${this.#codec.encode(meta)}`], members);
  }

  encode(method: string, result: JsonObject, revision: LegacyRevision): string {
    const projected = projectResult(method, result, revision);
    if (projected['resultType'] === undefined) return this.#codec.encode(projected);
    const { resultType: _, ...known } = projected;
    return this.#codec.encode(known);
  }

  /** No method of these revisions keeps its request open. */
  encodeStreamEnd(): string {
    return '{}';
  }

  encodeError(thrown: unknown, logger: Logger): WireError {
    const error = wireError(thrown, logger);
    // After the session is found, an error is an answer like any other (2025-11-25, transports).
    return { ...error, rpc: legacyCode(thrown, error.rpc), http: 200 };
  }

  inputRequired(run: Run, outcome: InputRequired): void {
    const { call } = run;
    run.rounds += 1;
    if (run.rounds > run.limits.inputRounds) {
      throw new FerroError('CLIENT_INPUT_FAILED', {
        detail: `more than ${run.limits.inputRounds} rounds of input`,
      });
    }
    if (call.inputs === undefined) {
      throw new FerroError('RESULT_INVALID', { detail: `${call.method} cannot ask the client` });
    }
    assertCapable(call.clientCapabilities, outcome.inputRequests);
    this.driver(call)
      .askAll(outcome.inputRequests)
      .then(
        (responses) => {
          if (call.done) return;
          call.inputResponses = responses;
          call.inputState = outcome.state ?? null;
          run.round();
        },
        (error: unknown) => run.fail(error),
      );
  }

  /** The driver behind `ctx.elicit`, `ctx.sample` and `ctx.roots` for one call. */
  driver(call: Call): LegacyInput {
    if (call.driver instanceof LegacyInput) return call.driver;
    const driver = new LegacyInput(call, this.#check);
    call.driver = driver;
    return driver;
  }
}

/** Asks by server-to-client requests on the stream of the call (2025-11-25, transports). */
export class LegacyInput implements InputDriver {
  readonly #call: Call;
  readonly #check: ContentCheck;
  /** Answers by key, so that a handler that runs again is not asking twice. */
  readonly #answers = new Map<string, JsonObject>();

  constructor(call: Call, check: ContentCheck) {
    this.#call = call;
    this.#check = check;
  }

  async ask(key: string, request: InputRequest): Promise<JsonObject> {
    assertCapable(this.#call.clientCapabilities, { [key]: request });
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const work = this.#askClient(request);
    const { run } = this.#call;
    const answer = await (run === undefined ? work : run.whilePaused(work));
    this.#answers.set(key, answer);
    return answer;
  }

  async askAll(requests: InputRequests): Promise<InputResponses> {
    const answers = Object.entries(requests).map(
      async ([key, request]) => [key, await this.#askClient(request)] as const,
    );
    return Object.fromEntries(await Promise.all(answers));
  }

  async #askClient(request: InputRequest): Promise<JsonObject> {
    const { outlet, session } = this.#call;
    if (!outlet.canStream || session === undefined) {
      throw new FerroError('CLIENT_INPUT_FAILED', { detail: 'the client accepts no event stream' });
    }
    const params = legacyParams(request, this.#call.revision as LegacyRevision);
    for (let attempt = 0; attempt < MAX_REPEATS; attempt += 1) {
      const answer = await session.ask((text) => outlet.send(text), request.method, params);
      if (isValidAnswer(request, answer, this.#check)) return answer;
    }
    throw new FerroError('CLIENT_INPUT_FAILED', { detail: `${request.method} was not answered validly` });
  }
}

function legacyParams(request: InputRequest, revision: LegacyRevision): JsonObject {
  if (request.method !== 'elicitation/create') return (request.params ?? {}) as unknown as JsonObject;
  const params = request.params as unknown as { readonly [key: string]: JsonValue | undefined };
  const { mode, ...rest } = params;
  if (mode === 'url') return { mode, ...rest, elicitationId: rest['elicitationId'] ?? randomUUID() };
  // `mode` came with 2025-11-25; strict older clients refuse members they do not know.
  return isAtLeast(revision, '2025-11-25') ? { mode: 'form', ...rest } : rest;
}

/** Codes -32020…-32022 are not part of the legacy revisions; -32002 is (2025-11-25, resources). */
function legacyCode(thrown: unknown, rpc: number): number {
  if (isFerroError(thrown)) {
    if (thrown.code === 'RESOURCE_NOT_FOUND') return -32002;
    if (thrown.code === 'CAPABILITY_MISSING') return -32600;
  }
  return rpc;
}
