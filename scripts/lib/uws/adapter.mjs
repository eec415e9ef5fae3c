/**
 * A front on µWebSockets, for the study in docs/native/uws.md only. It does what can be done from outside: guard on the
 * raw lines, limits of header lines, body and time, coded errors, bounded streams. It stands in for the module
 * `transports/http/node-front.js`, so that every test of that front can be run on it.
 */

import { STATUS_CODES } from 'node:http';
import { createRequire } from 'node:module';
import { FerroError } from '../../../dist/core/errors.js';
import { readAccept } from '../../../dist/transports/http/accept.js';
import { refuseRequest } from '../../../dist/transports/http/guard.js';
import { mediaType } from '../../../dist/transports/media-type.js';

const uws = createRequire(import.meta.url)(process.env.FERROMCP_UWS);

const STREAM = [
  'Content-Type',
  'text/event-stream',
  'Cache-Control',
  'no-cache, no-transform',
  'X-Accel-Buffering',
  'no',
];

class UwsExchange {
  principal = undefined;
  begun = false;
  #response;
  #limits;
  #over = false;
  #listeners = [];
  #comments;

  constructor(response, target, headers, limits) {
    this.#response = response;
    this.#limits = limits;
    this.target = target;
    this.headers = headers;
    this.accepted = readAccept(headers.accept);
    response.onAborted(() => this.#end());
  }

  get over() {
    return this.#over;
  }

  #head(status, fields) {
    this.begun = true;
    this.#response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
    for (let at = 0; at < fields.length; at += 2) this.#response.writeHeader(fields[at], fields[at + 1]);
  }

  reply(status, fields, body, close = false) {
    if (this.#over) return;
    const bytes = typeof body === 'string' ? body : Buffer.concat(body);
    this.#response.cork(() => {
      this.#head(status, bytes.length === 0 ? fields : ['Content-Type', 'application/json', ...fields]);
      this.#response.end(bytes, close);
    });
    this.#end();
  }

  open(fields) {
    if (this.#over) return;
    this.#response.cork(() => {
      this.#head(200, [...STREAM, ...fields]);
      this.#response.write('');
    });
    this.#comments = setInterval(() => this.#write(':\n\n'), this.#limits.keepAliveMs).unref();
  }

  #write(text) {
    if (this.#over) return false;
    let fits = true;
    this.#response.cork(() => {
      const before = this.#response.getWriteOffset();
      this.#response.write(text);
      fits = this.#response.getWriteOffset() - before <= this.#limits.writeBufferBytes;
    });
    if (!fits) this.destroy();
    return fits;
  }

  event(text, last = false, name = 'message') {
    const data = typeof text === 'string' ? text : Buffer.concat(text).toString('utf8');
    const sent = this.#write(`event: ${name}\ndata: ${data}\n\n`);
    if (sent && last) this.close();
    return sent;
  }

  close() {
    if (this.#over) return;
    this.#response.cork(() => this.#response.end());
    this.#end();
  }

  destroy() {
    if (!this.#over) this.#response.close();
    this.#end();
  }

  onClosed(listener) {
    if (this.#over) listener();
    else this.#listeners.push(listener);
  }

  #end() {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#comments);
    for (const listener of this.#listeners) listener();
  }
}

export class NodeFront {
  name = 'node';
  #options;
  #app;
  #socket;

  constructor(options) {
    this.#options = options;
  }

  listen(port, host) {
    this.#app = uws.App().any('/*', (response, request) => this.#take(response, request));
    return new Promise((resolve, reject) => {
      this.#app.listen(host === 'localhost' ? '127.0.0.1' : host, port, (socket) => {
        if (!socket) return reject(new FerroError('LISTEN_FAILED', { detail: `${host}:${port}` }));
        this.#socket = socket;
        resolve({ port: uws.us_socket_local_port(socket) });
      });
    });
  }

  stopAccepting() {
    if (this.#socket) uws.us_listen_socket_close(this.#socket);
    this.#socket = undefined;
  }

  async close() {
    this.stopAccepting();
    this.#app.close?.();
  }

  #take(response, request) {
    const { endpoint, limits, path, policy, routes } = this.#options;
    const raw = [];
    const headers = {};
    let bytes = 0;
    request.forEach((name, value) => {
      raw.push(name, value);
      headers[name] = name === 'accept' && headers[name] !== undefined ? `${headers[name]}, ${value}` : value;
      bytes += name.length + value.length + 4;
    });
    // The spelling is lost: µWebSockets folds methods to lower case.
    const method = request.getMethod().toUpperCase();
    const url = request.getUrl();
    const query = request.getQuery();
    const exchange = new UwsExchange(response, query ? `${url}?${query}` : url, headers, limits);
    const refuse = (code) => endpoint.refuse(exchange, code);
    if (bytes > limits.headerBytes) return refuse('HTTP_HEADERS_TOO_LARGE');
    const coding = headers['transfer-encoding'];
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') return refuse('HTTP_MALFORMED');
    const refusal = refuseRequest(raw, url, policy);
    if (refusal !== undefined) return refuse(refusal);
    if (url !== path) {
      const route = routes.find(
        (each) => each.path === url && each.method === (method === 'HEAD' ? 'GET' : method),
      );
      return route === undefined ? refuse('HTTP_NOT_FOUND') : route.handle(exchange, undefined);
    }
    if (method === 'GET') return endpoint.get(exchange);
    if (method === 'DELETE') return endpoint.delete(exchange);
    if (method !== 'POST') return refuse('HTTP_METHOD');
    return this.#post(exchange, response);
  }

  #post(exchange, response) {
    const { codec, endpoint, limits } = this.#options;
    const { headers } = exchange;
    const refuse = (code) => endpoint.refuse(exchange, code);
    if (endpoint.closing) return refuse('SHUTTING_DOWN');
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return refuse('HTTP_ENCODING');
    if (mediaType(headers['content-type']) !== 'application/json') return refuse('HTTP_MEDIA_TYPE');
    if (!exchange.accepted.json && !exchange.accepted.sse) return refuse('HTTP_ACCEPT');
    const late = setTimeout(() => refuse('HTTP_TIMEOUT'), limits.requestMs);
    exchange.onClosed(() => clearTimeout(late));
    const parts = [];
    let length = 0;
    response.onData((chunk, last) => {
      if (exchange.over) return;
      length += chunk.byteLength;
      if (length > limits.bodyBytes) return refuse('HTTP_BODY_TOO_LARGE');
      // The memory is µWebSockets' own and only lent.
      parts.push(Buffer.from(chunk.slice(0)));
      if (!last) return;
      clearTimeout(late);
      const body = parts.length === 1 ? parts[0] : Buffer.concat(parts);
      const scan = codec.scan(body, limits);
      if (scan.ok) endpoint.post(exchange, scan.envelope, body);
      else endpoint.fail(exchange, new FerroError(scan.code), scan.idRaw);
    });
  }
}
