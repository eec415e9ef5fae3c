import type { JsonCodec } from '../../../core/envelope.ts';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import type { Logger } from '../../../core/log.ts';
import type { Implementation } from '../../../core/mcp.ts';
import { META } from '../../../core/revisions.ts';
import type { Call } from '../../call.ts';
import type { EraCodec, Run } from '../../execution.ts';
import { type ForwardedResult, objectOf, type Parts } from '../../forwarded-result.ts';
import { type WireError, wireError } from '../../frames.ts';
import { TextResult } from '../../handler.ts';
import type { InputRequired } from '../../input-required.ts';
import type { MethodSpec } from '../../methods.ts';
import type { ModernInputs } from './input.ts';

export interface CacheHints {
  /** How long a client may keep lists, discovery and resources, in milliseconds. */
  readonly ttlMs: number;
  readonly cacheScope: 'public' | 'private';
}

export interface ModernCodecDeps {
  readonly identity: { readonly serverInfo: Implementation };
  readonly codec: JsonCodec;
  readonly hints: CacheHints;
  readonly inputs: ModernInputs;
}

/** Members an extension may use instead of `complete`; a handler sets them itself. */
const RESULT_TYPE = 'resultType';

/** Writes results and errors as revision 2026-07-28 wants them. */
export class ModernCodec implements EraCodec {
  readonly missingId = 'omit';
  readonly goneCancels = true;
  readonly #deps: ModernCodecDeps;
  #serverInfo: Implementation | undefined;
  #metaText = '';

  constructor(deps: ModernCodecDeps) {
    this.#deps = deps;
  }

  encodeResult(_call: Call, spec: MethodSpec, result: JsonObject | TextResult): string {
    if (result instanceof TextResult) {
      const text = this.#deps.codec.encode(result.text);
      return `{"resultType":"complete",${this.#serverMeta()},"content":[{"type":"text","text":${text}}]}`;
    }
    return this.encode(spec, result);
  }

  /** Adds `resultType`, `_meta.serverInfo` and, where due, the cache hints. */
  encode(spec: MethodSpec, result: JsonObject): string {
    const { codec, hints } = this.#deps;
    const own = result['_meta'];
    let metaText = this.#serverMeta();
    let body = result;
    if (own !== undefined) {
      const { _meta, ...rest } = result;
      body = rest;
      metaText = `"_meta":${codec.encode(this.#mergeMeta(_meta))}`;
    }
    const type = result[RESULT_TYPE] === undefined ? `"${RESULT_TYPE}":"complete",` : '';
    const cache =
      spec.cacheable === true && result['ttlMs'] === undefined
        ? `"ttlMs":${hints.ttlMs},"cacheScope":"${hints.cacheScope}",`
        : '';
    const text = codec.encode(body);
    return text === '{}' ? `{${type}${cache}${metaText}}` : `{${type}${cache}${metaText},${text.slice(1)}`;
  }

  /** The same members beside those that pass through. */
  encodeForwarded(_call: Call, spec: MethodSpec, result: ForwardedResult): Parts {
    const { codec, hints } = this.#deps;
    const { meta } = result;
    const cache =
      spec.cacheable === true ? [`"ttlMs":${hints.ttlMs},"cacheScope":"${hints.cacheScope}"`] : [];
    const metaText =
      meta === undefined ? this.#serverMeta() : `"_meta":${codec.encode(this.#mergeMeta(meta))}`;
    return objectOf([`"${RESULT_TYPE}":"complete"`, ...cache, metaText], result.members);
  }

  /** Repeats the id as it came (2026-07-28, subscriptions, Graceful Closure). */
  encodeStreamEnd(call: Call): string {
    const { serverInfo } = this.#deps.identity;
    const info = `${JSON.stringify(META.serverInfo)}:${JSON.stringify(serverInfo)}`;
    return `{"resultType":"complete","_meta":{"${META.subscriptionId}":${call.idRaw},${info}}}`;
  }

  encodeError(thrown: unknown, logger: Logger): WireError {
    const error = wireError(thrown, logger);
    return { ...error, http: inBandStatus(error) };
  }

  inputRequired(run: Run, outcome: InputRequired): void {
    this.#deps.inputs.finishRound(run, outcome, this.#serverMeta());
  }

  /** The `_meta` member that most results carry; made again only when the server's identity changes. */
  #serverMeta(): string {
    const { serverInfo } = this.#deps.identity;
    if (serverInfo !== this.#serverInfo) {
      this.#serverInfo = serverInfo;
      this.#metaText = `"_meta":${JSON.stringify({ [META.serverInfo]: serverInfo })}`;
    }
    return this.#metaText;
  }

  #mergeMeta(own: unknown): JsonObject {
    const { serverInfo } = this.#deps.identity;
    return { [META.serverInfo]: serverInfo as unknown as JsonObject, ...(isJsonObject(own) ? own : {}) };
  }
}

/**
 * Once a handler runs, its error is an answer (200); only what the specification fixes a status for keeps it (header
 * mismatch, missing capability, unsupported version, method not found), and what HTTP itself has a word for: quotas
 * and a server that stops.
 */
function inBandStatus(error: WireError): number {
  if (error.rpc <= -32020 && error.rpc >= -32022) return 400;
  if (error.rpc === -32601) return 404;
  const retry = error.rpc === -32000 && (error.http === 429 || error.http === 503);
  return retry ? error.http : 200;
}
