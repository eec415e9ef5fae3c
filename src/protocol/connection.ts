import type { Envelope, JsonCodec, Span } from '../core/envelope.ts';
import { FerroError } from '../core/errors.ts';
import { secureId } from '../core/ids.ts';
import { isJsonObject, type JsonObject } from '../core/json.ts';
import type { Limits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import type { Principal } from '../core/principal.ts';
import type { Era } from '../core/revisions.ts';
import { readParams } from './codec/index.ts';
import type { LegacyEra } from './eras/legacy/era.ts';
import { LegacySession } from './eras/legacy/session.ts';
import type { ModernEra, ModernPeer } from './eras/modern/era.ts';
import { errorFrame, wireError } from './frames.ts';
import { BatchOutlet, type Outlet } from './outlet.ts';
import { Runs } from './runs.ts';

export interface ProtocolDeps {
  readonly codec: JsonCodec;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly legacy: LegacyEra;
  readonly modern: ModernEra;
  /** Told of every session and connection, so that what belongs to it can end with it. */
  readonly onPeer: (session: LegacySession) => void;
}

/**
 * One peer on a channel that carries everything in both directions (stdio, in-memory). The first message that belongs
 * to one era pins the connection to it (2026-07-28, stdio); `server/discover` alone does not, since clients probe
 * with it.
 */
export class Connection {
  readonly session: LegacySession;
  readonly #deps: ProtocolDeps;
  readonly #channel: Channel;
  readonly #peer: ModernPeer;
  readonly #modernRuns = new Runs();
  #era: Era | undefined;

  /**
   * @param write sends one complete message
   * @param writeBytes the same for one that exists as bytes; without it they become text first
   */
  constructor(
    deps: ProtocolDeps,
    principal: Principal,
    write: (text: string) => void,
    writeBytes?: (parts: readonly Uint8Array[]) => void,
  ) {
    this.#deps = deps;
    this.#channel = { write, writeBytes, closed: false };
    const id = secureId();
    this.session = new LegacySession(id, principal, deps.limits);
    this.session.push = (text) => {
      if (this.#channel.closed) return false;
      write(text);
      return true;
    };
    this.#peer = { principal, runs: this.#modernRuns, key: id };
    deps.onPeer(this.session);
  }

  /** Undefined until a message has settled it. */
  get era(): Era | undefined {
    return this.#era;
  }

  /** Takes one message: the bytes between two newlines. */
  receive(bytes: Uint8Array): void {
    if (this.#channel.closed) return;
    const scan = this.#deps.codec.scan(bytes, this.#deps.limits);
    if (!scan.ok) {
      this.#refuse(scan.idRaw, new FerroError(scan.code));
      return;
    }
    const { envelope } = scan;
    if (envelope.kind === 'batch') this.#batch(bytes, envelope.elements ?? []);
    else if (envelope.kind === 'request')
      this.#request(envelope, readParams(this.#deps.codec, envelope, bytes), this.#outlet());
    else this.#message(envelope, this.#deps.codec.parse(bytes), this.#outlet());
  }

  /** Ends everything that runs for this peer. */
  close(): void {
    if (this.#channel.closed) return;
    this.#channel.closed = true;
    for (const run of this.#modernRuns.all()) run.cancel();
    this.session.close();
  }

  /** Reports a line that never became a message (too long). */
  refuse(error: FerroError): void {
    this.#refuse(undefined, error);
  }

  #message(envelope: Envelope, message: unknown, outlet: Outlet): void {
    if (!isJsonObject(message)) return;
    switch (envelope.kind) {
      case 'request':
        this.#request(envelope, isJsonObject(message['params']) ? message['params'] : {}, outlet);
        return;
      case 'notification':
        outlet.abandon();
        if (this.#isModern(envelope)) this.#deps.modern.notification(this.#peer, envelope);
        else this.#deps.legacy.notification(this.session, envelope);
        return;
      case 'response':
        outlet.abandon();
        this.session.response(message);
        return;
      case 'batch':
        outlet.end(this.#errorText(undefined, new FerroError('ENVELOPE_TYPE')), 400);
    }
  }

  #request(envelope: Envelope, params: JsonObject, outlet: Outlet): void {
    if (this.#isModern(envelope)) this.#deps.modern.request(this.#peer, envelope, params, outlet);
    else this.#deps.legacy.request(this.session, envelope, params, outlet);
  }

  #isModern(envelope: Envelope): boolean {
    if (this.#era !== undefined) return this.#era === 'modern';
    const modern = envelope.protocolVersion !== undefined;
    if (envelope.kind !== 'request' || envelope.method === 'server/discover' || envelope.method === 'ping')
      return modern;
    if (modern) this.#era = 'modern';
    else if (envelope.method === 'initialize') this.#era = 'legacy';
    return modern;
  }

  #batch(bytes: Uint8Array, elements: readonly Span[]): void {
    if (this.#era === 'modern' || this.session.revision !== '2025-03-26' || !this.session.negotiated) {
      this.#refuse(undefined, new FerroError('BATCH_UNSUPPORTED'));
      return;
    }
    const batch = new BatchOutlet(this.#outlet());
    dispatchBatch(this.#deps, bytes, elements, batch, (envelope, message, outlet) => {
      this.#message(envelope, message, outlet);
    });
  }

  #outlet(): Outlet {
    return new ConnectionOutlet(this.#channel);
  }

  #refuse(idRaw: string | undefined, error: FerroError): void {
    if (!this.#channel.closed) this.#channel.write(this.#errorText(idRaw, error));
  }

  #errorText(idRaw: string | undefined, error: FerroError): string {
    return errorFrame(idRaw, wireError(error, this.#deps.logger), this.#era === 'modern' ? 'omit' : 'null');
  }
}

/** Where the messages of a connection go. */
interface Channel {
  readonly write: (text: string) => void;
  readonly writeBytes: ((parts: readonly Uint8Array[]) => void) | undefined;
  closed: boolean;
}

/** The messages of one request among those of its connection. */
class ConnectionOutlet implements Outlet {
  readonly canStream = true;
  onGone: (() => void) | undefined;
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  send(text: string): void {
    if (!this.#channel.closed) this.#channel.write(text);
  }

  end(text: string): void {
    this.send(text);
  }

  endBytes(parts: readonly Uint8Array[]): void {
    const { closed, write, writeBytes } = this.#channel;
    if (closed) return;
    if (writeBytes === undefined) write(Buffer.concat(parts).toString('utf8'));
    else writeBytes(parts);
  }

  abandon(): void {}
}

/** Scans and hands on each element of a batch; bad elements get their own error in the reply array. */
export function dispatchBatch(
  deps: Pick<ProtocolDeps, 'codec' | 'limits' | 'logger'>,
  bytes: Uint8Array,
  elements: readonly Span[],
  batch: BatchOutlet,
  dispatch: (envelope: Envelope, message: JsonObject, outlet: Outlet) => void,
): void {
  for (const { start, end } of elements) {
    const outlet = batch.member();
    const scan = deps.codec.scan(bytes, deps.limits, start, end);
    if (!scan.ok || scan.envelope.kind === 'batch' || scan.envelope.method === 'initialize') {
      const error = new FerroError(scan.ok ? 'ENVELOPE_TYPE' : scan.code);
      const idRaw = scan.ok ? scan.envelope.idRaw : scan.idRaw;
      outlet.end(errorFrame(idRaw, wireError(error, deps.logger), 'null'), 400);
      continue;
    }
    const message = deps.codec.parse(bytes, start, end);
    if (isJsonObject(message)) dispatch(scan.envelope, message, outlet);
  }
  batch.seal();
}
