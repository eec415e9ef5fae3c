/** Requests an upstream makes of its client: what is allowed, whom it concerns, what the client may refuse. */
import type { ServerRequest } from '../client/contract.ts';
import { FerroError, RpcError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { ClientCapabilities, InputRequest } from '../core/mcp.ts';
import { isCapable, requiredCapability } from '../protocol/input-answers.ts';
import type { Lane } from './lane.ts';
import type { UpstreamCall } from './upstream-call.ts';

const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;

/** Checks the form of a question. @throws RpcError to answer the upstream with. */
export function toInputRequest(method: string, params: JsonObject): InputRequest {
  switch (method) {
    case 'roots/list':
      return { method };
    case 'sampling/createMessage':
      if (!Array.isArray(params['messages']) || !params['messages'].every(isJsonObject)) {
        throw new RpcError(INVALID_PARAMS, 'sampling/createMessage needs messages');
      }
      return { method, params: withoutProgress(params) } as unknown as InputRequest;
    case 'elicitation/create': {
      const mode = params['mode'] ?? 'form';
      if (typeof params['message'] !== 'string') {
        throw new RpcError(INVALID_PARAMS, 'elicitation/create needs a message');
      }
      if (mode === 'form' && !isJsonObject(params['requestedSchema'])) {
        throw new RpcError(INVALID_PARAMS, 'form elicitation needs a requestedSchema');
      }
      if (mode === 'url' && !isSafeUrl(params['url'])) {
        throw new RpcError(
          INVALID_PARAMS,
          'URL elicitation needs an http or https URL without user information',
        );
      }
      if (mode !== 'form' && mode !== 'url') throw new RpcError(INVALID_PARAMS, 'unknown elicitation mode');
      return { method, params: withoutProgress(params) } as unknown as InputRequest;
    }
    default:
      throw new RpcError(METHOD_NOT_FOUND, 'Method not found');
  }
}

/** `_meta` of the upstream's request belongs to that hop: its progress token means nothing to our client. */
function withoutProgress(params: JsonObject): JsonObject {
  const { _meta, task: _task, ...rest } = params;
  if (!isJsonObject(_meta)) return rest;
  const { progressToken: _token, ...meta } = _meta;
  return Object.keys(meta).length === 0 ? rest : { ...rest, _meta: meta };
}

/** Judged on the text, before a parser repairs it: tabs, userinfo and other schemes are refused. */
export function isSafeUrl(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 8_192 || !/^https?:\/\/[^\s\p{Cc}]+$/iu.test(value))
    return false;
  if (!URL.canParse(value)) return false;
  const { username, password } = new URL(value);
  return username === '' && password === '';
}

/** @throws RpcError when the client has not declared what the question needs. */
export function assertAnswerable(capabilities: ClientCapabilities, request: InputRequest): void {
  if (isCapable(capabilities, request)) return;
  if (request.method === 'elicitation/create' && capabilities.elicitation !== undefined) {
    throw new RpcError(INVALID_PARAMS, 'The client does not support this elicitation mode');
  }
  if (request.method === 'sampling/createMessage' && capabilities.sampling !== undefined) {
    throw new RpcError(INVALID_PARAMS, 'The client does not support tools in sampling');
  }
  throw new RpcError(METHOD_NOT_FOUND, 'The client does not support this');
}

export type Attribution =
  | { readonly kind: 'call'; readonly call: UpstreamCall }
  /** No call is running. */
  | { readonly kind: 'none' }
  /** Calls of several peers are running and nothing says which one asks. */
  | { readonly kind: 'ambiguous' };

/**
 * The call on whose behalf an upstream speaks. Over HTTP the stream tells. On a shared channel nothing does: then the
 * calls in flight, cancelled ones included, must all be of one peer.
 */
export function attribute(lane: Lane, requestId: number | string | undefined): Attribution {
  if (requestId !== undefined) {
    for (const call of lane.calls) if (call.requestId === requestId) return { kind: 'call', call };
    return { kind: 'none' };
  }
  const peers = new Set<string>();
  let latest: UpstreamCall | undefined;
  for (const call of lane.calls) {
    peers.add(call.peerKey);
    if (latest === undefined || call.context !== undefined || latest.context === undefined) latest = call;
  }
  for (const ghost of lane.ghosts) peers.add(ghost.peerKey);
  if (peers.size > 1) return { kind: 'ambiguous' };
  return latest === undefined ? { kind: 'none' } : { kind: 'call', call: latest };
}

export interface QuestionHost {
  /** A question goes to the client of `call`. */
  asked(call: UpstreamCall, question: InputRequest): void;
  /** From now on every peer gets a connection of its own. */
  markInteractive(): void;
  /** How to ask a peer outside of any call, if that is possible. */
  askPeer():
    | ((peerKey: string, request: InputRequest, signal: AbortSignal) => Promise<JsonObject>)
    | undefined;
}

/** Brings an upstream's question to the client it concerns; the result is the upstream's answer. */
export async function answerQuestion(
  lane: Lane,
  request: ServerRequest,
  host: QuestionHost,
): Promise<JsonObject> {
  const question = toInputRequest(request.method, request.params);
  const found = attribute(lane, request.origin.requestId);
  switch (found.kind) {
    case 'call':
      if (!isCapable(found.call.capabilities, question)) found.call.missing = requiredCapability(question);
      assertAnswerable(found.call.capabilities, question);
      host.asked(found.call, question);
      return await found.call.ask(question, request, () => mayBeOfAnother(lane, request, found.call));
    case 'ambiguous':
      host.markInteractive();
      throw new FerroError('UPSTREAM_INPUT_REFUSED', { detail: 'calls of several clients are running' });
    case 'none':
      // Only a connection that belongs to one peer says whom an unasked question concerns.
      return await askOwner(lane, question, request.signal, host);
  }
}

/** True while the question, which came on a shared channel, may belong to another running call. */
function mayBeOfAnother(lane: Lane, request: ServerRequest, call: UpstreamCall): boolean {
  if (request.origin.requestId !== undefined) return false;
  for (const other of lane.calls) if (other !== call && !other.done) return true;
  return false;
}

async function askOwner(
  lane: Lane,
  question: InputRequest,
  signal: AbortSignal,
  host: QuestionHost,
): Promise<JsonObject> {
  const askPeer = host.askPeer();
  if (lane.owner !== undefined && askPeer !== undefined) return await askPeer(lane.owner, question, signal);
  throw new FerroError('UPSTREAM_INPUT_REFUSED', { detail: 'no call is running' });
}
