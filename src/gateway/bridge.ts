/**
 * One request of a client on its way through an upstream and back, for every pairing of eras.
 *
 * Modern upstream: its `input_required` answer becomes ours, its `requestState` travels in our state. Legacy upstream:
 * when it asks in the middle of a call, the call is parked, the client gets the question as an input request, and the
 * client's next round takes the call up again. Nothing is ever sent twice.
 */
import type { McpClient, RequestOptions } from '../client/contract.ts';
import { RawResult } from '../client/raw-result.ts';
import { FerroError, RpcError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import type { ClientCapabilities, InputRequests } from '../core/mcp.ts';
import type { RequestContext } from '../protocol/context.ts';
import type { ForwardedResult } from '../protocol/forwarded-result.ts';
import { type InputRequired, inputRequired, isInputRequired } from '../protocol/input-required.ts';
import { CallClock } from './delays.ts';
import { callFailure, isOutage } from './failures.ts';
import type { Lane } from './lane.ts';
import type { ParkedCalls } from './parked-calls.ts';
import { toInputRequest } from './questions.ts';
import { endToEndMeta, mapResult } from './result-mapping.ts';
import { forwardedResult } from './result-splice.ts';
import type { Upstream } from './upstream.ts';
import { UpstreamCall } from './upstream-call.ts';
import { allAccepted, assertUrlCapable, declined, urlElicitations } from './url-elicitation.ts';

export interface Exchange {
  readonly method: 'tools/call' | 'prompts/get' | 'resources/read' | 'completion/complete';
  /** What it is about, in the upstream's words: a parked call is only taken up by the same request. */
  readonly subject: string;
  send(client: McpClient, options: RequestOptions): Promise<JsonObject | RawResult>;
  /** A URI in the result, in the form our clients use. */
  mapUri(uri: string): string;
}

export type Relayed = JsonObject | ForwardedResult | InputRequired;

/** Extensions that are handled by both ends alone; of others the gateway would have to understand the messages. */
const END_TO_END_EXTENSIONS = ['io.modelcontextprotocol/ui'];

/** Sends a request through an upstream. @throws FerroError UPSTREAM_…, STATE_INVALID; RpcError of the upstream */
export async function relay(
  upstream: Upstream,
  parked: ParkedCalls,
  exchange: Exchange,
  context: RequestContext,
): Promise<Relayed> {
  const outcome = await relayRound(upstream, parked, exchange, context);
  if (!isInputRequired(outcome)) return outcome;
  const state = { ...(outcome.state as JsonObject), upstream: upstream.name };
  return inputRequired({ inputRequests: outcome.inputRequests, state });
}

/** The upstream that the request has to go on with; undefined in its first round. */
export function upstreamOfState(context: RequestContext): string | undefined {
  const state = context.inputState;
  return isJsonObject(state) && typeof state['upstream'] === 'string' ? state['upstream'] : undefined;
}

async function relayRound(
  upstream: Upstream,
  parked: ParkedCalls,
  exchange: Exchange,
  context: RequestContext,
): Promise<Relayed> {
  // Where several upstreams are tried, the state and the answers may belong to another one.
  const state = isForeign(upstream, context) ? undefined : parseState(context.inputState);
  const binding = `${upstream.name}\n${exchange.method}\n${exchange.subject}`;
  if (state?.kind === 'parked') {
    const call = parked.resume(state.handle, binding, context.principal.id);
    call.attach(context);
    call.answer(context.inputResponses ?? {});
    return await follow(call, { upstream, parked, exchange, context, binding, release: () => {} });
  }
  if (state?.kind === 'url' && !allAccepted(context.inputResponses)) {
    return declined(exchange.method) as unknown as JsonObject;
  }
  const clock = new CallClock();
  const release = await clock.waiting(upstream.bulkhead.acquire(context.signal, upstream.options.timeoutMs));
  const call = new UpstreamCall(context, clock);
  try {
    call.onEnd(release);
    const lane = await clock.waiting(upstream.pool.assign(call, context.era === 'modern', context.signal));
    call.run((options) => send(upstream, lane, exchange, context, state, options, clock));
    return await follow(call, { upstream, parked, exchange, context, binding, release });
  } catch (error) {
    call.detach();
    release();
    throw error;
  }
}

function isForeign(upstream: Upstream, context: RequestContext): boolean {
  const name = upstreamOfState(context);
  return name !== undefined && name !== upstream.name;
}

async function send(
  upstream: Upstream,
  lane: Lane,
  exchange: Exchange,
  context: RequestContext,
  state: RelayState | undefined,
  options: RequestOptions,
  clock: CallClock,
): Promise<JsonObject | RawResult> {
  const client = await clock.waiting(lane.ready(options.signal ?? context.signal));
  const meta = endToEndMeta(context.meta);
  const common: RequestOptions = { ...options, ...(meta === undefined ? {} : { meta }) };
  const { logLevel } = context;
  let result: Promise<JsonObject | RawResult>;
  if (client.server?.era === 'modern') {
    const inputResponses = isForeign(upstream, context) ? undefined : context.inputResponses;
    result = exchange.send(client, {
      ...common,
      inputRequired: 'return',
      capabilities: forwarded(context.clientCapabilities),
      ...(logLevel === undefined ? {} : { logLevel }),
      ...(state?.kind === 'relay' && state.requestState !== undefined
        ? { requestState: state.requestState }
        : {}),
      // Without state the answers came with the first request: whether they are asked for is the upstream's to say.
      ...(state?.kind !== 'url' && inputResponses !== undefined ? { inputResponses } : {}),
    });
  } else {
    if (state?.kind === 'relay')
      throw new FerroError('STATE_INVALID', { detail: 'the upstream has changed' });
    if (logLevel !== undefined) await upstream.raiseLogLevel(client, logLevel);
    result = exchange.send(client, common);
  }
  try {
    const answer = await result;
    upstream.policy.succeeded();
    return answer;
  } catch (error) {
    const failure = callFailure(error, upstream.name);
    if (error instanceof RpcError) upstream.policy.succeeded();
    // A process that ends is counted by its connection; over HTTP there is only this.
    else if (upstream.isHttp && isOutage(failure)) upstream.policy.failed();
    throw failure;
  }
}

interface Journey {
  readonly upstream: Upstream;
  readonly parked: ParkedCalls;
  readonly exchange: Exchange;
  readonly context: RequestContext;
  readonly binding: string;
  /** Gives the place in the bulkhead back; a parked call needs none. */
  readonly release: () => void;
}

async function follow(call: UpstreamCall, journey: Journey): Promise<Relayed> {
  const { upstream, parked, context, binding } = journey;
  for (;;) {
    const event = await call.next();
    if (event.kind !== 'questions' && !call.hasAsked) {
      context.onReplied?.(() => upstream.statistics.replied(call.clock));
    }
    if (event.kind === 'result') return fromResult(event.result, call, journey);
    if (event.kind === 'failure') return fromFailure(event.error, call, journey);
    const inputRequests = call.takeQuestions();
    let handle: string;
    try {
      handle = parked.park(call, binding);
    } catch (error) {
      call.refuseQuestions(error instanceof Error ? error : new FerroError('INTERNAL'));
      continue;
    }
    journey.release();
    // A legacy client's request goes on while the client is asked; a modern one ends here.
    if (context.era === 'modern') call.detach();
    return inputRequired({ inputRequests, state: { kind: 'parked', handle } });
  }
}

function fromResult(answer: JsonObject | RawResult, call: UpstreamCall, journey: Journey): Relayed {
  const { exchange, context, upstream } = journey;
  const mapUri = (uri: string): string => exchange.mapUri(uri);
  if (answer instanceof RawResult) {
    const forwarded = forwardedResult(exchange.method, answer, mapUri);
    if (forwarded !== undefined) {
      upstream.statistics.result(answer.end - answer.start);
      return forwarded;
    }
  }
  upstream.statistics.result(undefined);
  const result = answer instanceof RawResult ? answer.toJson() : answer;
  const { resultType } = result;
  if (resultType === 'input_required') {
    const requestState = typeof result['requestState'] === 'string' ? result['requestState'] : undefined;
    return inputRequired({
      inputRequests: checkedRequests(result['inputRequests']),
      state: { kind: 'relay', ...(requestState === undefined ? {} : { requestState }) },
    });
  }
  if (resultType !== undefined && resultType !== 'complete') {
    throw new FerroError('UPSTREAM_PROTOCOL', {
      detail: `result of a kind nobody asked for (${context.method})`,
    });
  }
  // Only a modern upstream says how long its answer stands, and only for reads (2026-07-28, caching).
  if (exchange.method === 'resources/read' && typeof result['ttlMs'] === 'number' && !call.hasAsked) {
    context.keepFor?.(result['ttlMs']);
  }
  const whole = exchange.method === 'tools/call' ? withContent(result) : result;
  return mapResult(whole, mapUri);
}

/** Every client may rely on `content`, upstreams of old leave it out. */
function withContent(result: JsonObject): JsonObject {
  return Array.isArray(result['content']) ? result : { ...result, content: [] };
}

/** Questions of a modern upstream are checked as those of a legacy one. */
function checkedRequests(value: JsonValue | undefined): InputRequests {
  if (!isJsonObject(value)) return {};
  try {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        const { method, params } = isJsonObject(item) ? item : {};
        return [key, toInputRequest(String(method), isJsonObject(params) ? params : {})];
      }),
    );
  } catch (error) {
    throw new FerroError('UPSTREAM_PROTOCOL', { detail: 'input request that is not allowed', cause: error });
  }
}

function fromFailure(error: unknown, call: UpstreamCall, journey: Journey): InputRequired {
  const { context, upstream } = journey;
  if (call.missing !== undefined && context.era === 'modern' && error instanceof RpcError) {
    // The upstream fails because its question was refused; the modern era has an error that says why.
    throw new FerroError('CAPABILITY_MISSING', {
      detail: Object.keys(call.missing).join(', '),
      data: { requiredCapabilities: call.missing },
      cause: error,
    });
  }
  const requests = urlElicitations(error);
  if (requests === undefined) throw error;
  if (context.era === 'legacy') {
    for (const request of Object.values(requests)) {
      const id = (request.params as { readonly elicitationId?: string } | undefined)?.elicitationId;
      if (id !== undefined) upstream.rememberElicitation(id, context.peerKey);
    }
    throw error;
  }
  assertUrlCapable(context, requests);
  return inputRequired({ inputRequests: requests, state: { kind: 'url' } });
}

function forwarded(capabilities: ClientCapabilities): ClientCapabilities {
  const { elicitation, sampling, roots, extensions } = capabilities;
  const kept = Object.entries(extensions ?? {}).filter(([key]) => END_TO_END_EXTENSIONS.includes(key));
  return {
    ...(elicitation === undefined ? {} : { elicitation }),
    ...(sampling === undefined ? {} : { sampling }),
    ...(roots === undefined ? {} : { roots: {} }),
    ...(kept.length === 0 ? {} : { extensions: Object.fromEntries(kept) }),
  };
}

type RelayState =
  | { readonly kind: 'parked'; readonly handle: string }
  | { readonly kind: 'relay'; readonly requestState: string | undefined }
  | { readonly kind: 'url' };

function parseState(value: JsonValue | undefined): RelayState | undefined {
  if (value === undefined || value === null) return undefined;
  if (isJsonObject(value)) {
    const { kind, handle, requestState } = value;
    if (kind === 'parked' && typeof handle === 'string') return { kind, handle };
    if (kind === 'relay') {
      return { kind, requestState: typeof requestState === 'string' ? requestState : undefined };
    }
    if (kind === 'url') return { kind };
  }
  throw new FerroError('STATE_INVALID');
}
