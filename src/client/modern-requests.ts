/** One request of the modern era (2026-07-28): metadata, mirrored headers, multi round-trip input. */
import { FerroError, RpcError } from '../core/errors.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { LoggingLevel } from '../core/mcp.ts';
import type { ModernRevision } from '../core/revisions.ts';
import type { Connection } from './connection.ts';
import type { RequestOptions, ServerRequest } from './contract.ts';
import { answerInputRequests, checkInputRequired } from './input-answers.ts';
import { type ExchangeOptions, RawResult } from './raw-result.ts';
import { modernMeta, standardHeaders } from './request-metadata.ts';
import type { ClientSettings } from './settings.ts';
import type { ToolCatalogue } from './tool-catalogue.ts';

const HEADER_MISMATCH = -32020;
const NEVER = new AbortController().signal;

export interface ModernPeer {
  readonly connection: Connection;
  readonly settings: ClientSettings;
  readonly catalogue: ToolCatalogue;
  readonly revision: ModernRevision;
  readonly logLevel: LoggingLevel | undefined;
  answer(request: ServerRequest): Promise<JsonObject>;
  /** Fetches the whole tool list into the catalogue. */
  refreshTools(options: RequestOptions): Promise<void>;
}

function sameHeaders(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

async function send(
  peer: ModernPeer,
  method: string,
  params: JsonObject,
  options: ExchangeOptions,
  parameterHeaders: Readonly<Record<string, string>>,
  onSent: (id: number | string) => void,
): Promise<JsonObject | RawResult> {
  const { connection, settings } = peer;
  const overHttp = connection.transport.kind === 'http';
  const own = isJsonObject(params['_meta']) ? params['_meta'] : {};
  const meta = modernMeta(
    {
      revision: peer.revision,
      info: settings.info,
      capabilities: options.capabilities ?? settings.capabilities,
      logLevel: options.logLevel ?? peer.logLevel,
    },
    { ...own, ...options.meta },
  );
  return await connection.exchange(method, params, {
    timeoutMs: options.timeoutMs ?? settings.timeoutMs,
    maxTimeoutMs: options.maxTimeoutMs ?? settings.maxTimeoutMs,
    signal: options.signal,
    cancel: overHttp ? 'stream' : 'notify',
    meta,
    ...(overHttp
      ? { headers: { ...parameterHeaders, ...standardHeaders(peer.revision, method, params) } }
      : {}),
    onProgress: options.onProgress,
    onLog: options.onLog,
    onSent,
    onAnswer: options.onAnswer,
    bytes: options.bytes,
  });
}

/** A tool call over HTTP: its headers need the tool's definition, which may be unknown or outdated. */
async function sendToolCall(
  peer: ModernPeer,
  params: JsonObject,
  options: ExchangeOptions,
  onSent: (id: number | string) => void,
): Promise<JsonObject | RawResult> {
  const method = 'tools/call';
  const name = typeof params['name'] === 'string' ? params['name'] : '';
  const { catalogue } = peer;
  const refresh = async (): Promise<void> => {
    const { signal, timeoutMs, maxTimeoutMs } = options;
    const own: RequestOptions = {
      ...(signal === undefined ? {} : { signal }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(maxTimeoutMs === undefined ? {} : { maxTimeoutMs }),
    };
    await peer.refreshTools(own).catch((error: unknown) => {
      // Without definitions the call goes out bare; a server that needs more says so.
      peer.settings.logger.log('warn', 'the tool list could not be fetched before a call', {
        error: error instanceof Error ? error.message : String(error),
      });
    });
  };
  if (!catalogue.complete && !catalogue.has(name)) {
    await refresh();
  }
  const headers = catalogue.parameterHeaders(name, params['arguments']);
  try {
    return await send(peer, method, params, options, headers, onSent);
  } catch (error) {
    if (!(error instanceof RpcError) || error.rpcCode !== HEADER_MISMATCH) {
      throw error;
    }
    await refresh();
    const renewed = catalogue.parameterHeaders(name, params['arguments']);
    if (sameHeaders(headers, renewed)) {
      throw error;
    }
    return await send(peer, method, params, options, renewed, onSent);
  }
}

function retryFields(inputResponses: JsonObject | undefined, requestState: unknown): JsonObject {
  return {
    ...(inputResponses === undefined ? {} : { inputResponses }),
    ...(typeof requestState === 'string' ? { requestState } : {}),
  };
}

/** Sends the request and answers what the server asks until it has a result, or hands the question over. */
export async function requestModern(
  peer: ModernPeer,
  method: string,
  params: JsonObject | undefined,
  options: ExchangeOptions,
): Promise<JsonObject | RawResult> {
  let retry = retryFields(options.inputResponses, options.requestState);
  let id: number | string = 0;
  const onSent = (sent: number | string): void => {
    id = sent;
    options.onSent?.(sent);
  };
  for (let round = 0; round <= peer.settings.inputRounds; round += 1) {
    const sent = { ...params, ...retry };
    const answer =
      method === 'tools/call' && peer.connection.transport.kind === 'http'
        ? await sendToolCall(peer, sent, options, onSent)
        : await send(peer, method, sent, options, {}, onSent);
    if (answer instanceof RawResult && answer.isComplete(peer.settings.resultTypes)) {
      return answer;
    }
    const result = answer instanceof RawResult ? answer.toJson() : answer;
    const type = result['resultType'];
    if (type === undefined || (typeof type === 'string' && peer.settings.resultTypes.has(type))) {
      return result;
    }
    if (type !== 'input_required') {
      throw new FerroError('UPSTREAM_PROTOCOL', { detail: `unknown resultType of ${method}` });
    }
    checkInputRequired(method, result);
    if (options.inputRequired === 'return') {
      return result;
    }
    const responses = await answerInputRequests(
      result,
      { requestId: id },
      options.signal ?? NEVER,
      (request) => peer.answer(request),
    );
    retry = retryFields(responses, result['requestState']);
  }
  throw new FerroError('UPSTREAM_PROTOCOL', {
    detail: `${method} asked for input more than ${peer.settings.inputRounds} times`,
  });
}
