/** Answering what a server asks of us: the same handlers serve legacy requests and modern `input_required` results. */
import { FerroError, isFerroError, RpcError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { ClientCapabilities, CreateMessageParams, ElicitParams, InputResponses } from '../core/mcp.ts';
import type { ClientOptions, MessageOrigin, ServerRequest } from './contract.ts';

type Handlers = Pick<ClientOptions, 'onElicit' | 'onSample' | 'onRoots' | 'onServerRequest'>;

const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;

/** What we declare when nothing is declared explicitly: what there is a handler for. */
export function capabilitiesOf(handlers: Handlers): ClientCapabilities {
  return {
    ...(handlers.onElicit === undefined ? {} : { elicitation: { form: {} } }),
    ...(handlers.onSample === undefined ? {} : { sampling: {} }),
    ...(handlers.onRoots === undefined ? {} : { roots: { listChanged: true } }),
  };
}

function checkElicitation(params: JsonObject, capabilities: ClientCapabilities): void {
  const mode = params['mode'] ?? 'form';
  if (typeof params['message'] !== 'string') {
    throw new RpcError(INVALID_PARAMS, 'elicitation/create needs a message');
  }
  if (mode === 'form') {
    // An empty capability object means form mode, as before modes existed.
    const { elicitation } = capabilities;
    if (elicitation?.form === undefined && elicitation?.url !== undefined) {
      throw new RpcError(INVALID_PARAMS, 'form elicitation was not declared');
    }
    if (!isJsonObject(params['requestedSchema'])) {
      throw new RpcError(INVALID_PARAMS, 'form elicitation needs a requestedSchema');
    }
    return;
  }
  if (mode !== 'url' || capabilities.elicitation?.url === undefined) {
    throw new RpcError(INVALID_PARAMS, 'this elicitation mode was not declared');
  }
  if (typeof params['url'] !== 'string') {
    throw new RpcError(INVALID_PARAMS, 'URL elicitation needs a url');
  }
}

/** Answers one request of the server; rejects with what to tell it. */
export async function answerServerRequest(
  handlers: Handlers,
  capabilities: ClientCapabilities,
  request: ServerRequest,
): Promise<JsonObject> {
  const { method, params, signal } = request;
  if (handlers.onServerRequest !== undefined) {
    return await handlers.onServerRequest(request);
  }
  if (method === 'elicitation/create' && handlers.onElicit !== undefined) {
    checkElicitation(params, capabilities);
    return { ...(await handlers.onElicit(params as unknown as ElicitParams, signal)) } as JsonObject;
  }
  if (method === 'sampling/createMessage' && handlers.onSample !== undefined) {
    if (!Array.isArray(params['messages'])) {
      throw new RpcError(INVALID_PARAMS, 'sampling/createMessage needs messages');
    }
    return { ...(await handlers.onSample(params as unknown as CreateMessageParams, signal)) } as JsonObject;
  }
  if (method === 'roots/list' && handlers.onRoots !== undefined) {
    return { roots: (await handlers.onRoots(signal)).map((root) => ({ ...root })) };
  }
  throw new RpcError(METHOD_NOT_FOUND, 'Method not found');
}

/** Methods whose result may be `input_required`, and what it may ask for (2026-07-28, basic/patterns/mrtr). */
const ASKING_METHODS = new Set(['tools/call', 'prompts/get', 'resources/read']);
const ASKABLE_METHODS = new Set(['elicitation/create', 'sampling/createMessage', 'roots/list']);

/** Refuses an `input_required` result the specification does not allow. */
export function checkInputRequired(method: string, result: JsonObject): void {
  const { inputRequests, requestState } = result;
  const wrong = (detail: string): FerroError => new FerroError('UPSTREAM_PROTOCOL', { detail });
  if (!ASKING_METHODS.has(method)) {
    throw wrong(`${method} must not ask for input`);
  }
  if (inputRequests === undefined && requestState === undefined) {
    throw wrong('input_required without inputRequests and requestState');
  }
  if (requestState !== undefined && typeof requestState !== 'string') {
    throw wrong('requestState must be a string');
  }
  if (inputRequests === undefined) {
    return;
  }
  if (!isJsonObject(inputRequests)) {
    throw wrong('inputRequests must be an object');
  }
  for (const request of Object.values(inputRequests)) {
    if (
      !isJsonObject(request) ||
      typeof request['method'] !== 'string' ||
      !ASKABLE_METHODS.has(request['method']) ||
      (request['params'] !== undefined && !isJsonObject(request['params']))
    ) {
      throw wrong('inputRequests has something that is not a request of the specification');
    }
  }
}

/**
 * Answers the requests of a checked `input_required` result, one after the other: two questions at once would compete
 * for one user.
 */
export async function answerInputRequests(
  result: JsonObject,
  origin: MessageOrigin,
  signal: AbortSignal,
  answer: (request: ServerRequest) => Promise<JsonObject>,
): Promise<InputResponses | undefined> {
  const { inputRequests } = result;
  if (!isJsonObject(inputRequests)) {
    return undefined;
  }
  const responses: [string, JsonObject][] = [];
  for (const [key, request] of Object.entries(inputRequests)) {
    if (!isJsonObject(request) || typeof request['method'] !== 'string') {
      continue;
    }
    if (signal.aborted) {
      throw new FerroError('REQUEST_CANCELLED', { cause: signal.reason });
    }
    const { method, params } = request;
    try {
      const given = isJsonObject(params) ? params : {};
      responses.push([key, await answer({ method, params: given, origin, signal })]);
    } catch (cause) {
      if (isFerroError(cause) && cause.code === 'REQUEST_CANCELLED') {
        throw cause;
      }
      throw new FerroError('CLIENT_INPUT_FAILED', { detail: method, cause });
    }
  }
  return Object.fromEntries(responses);
}
