/** The same over HTTP/2 without TLS: one stream at a time on one connection. */
import http2 from 'node:http2';
import { Connection } from './connection.mjs';
import { lastEvent } from './http1-reply.mjs';

const REPLY_MS = 20_000;

/**
 * A connection that asks one thing at a time.
 * @param {import('./requests.mjs').Target} target
 */
export function connectTo({ port, protocol }) {
  return protocol === 'h2' ? new Http2Connection(port) : new Connection(port);
}

class Http2Connection {
  /** @type {http2.ClientHttp2Session} */
  #session;

  /** @param {number} port */
  constructor(port) {
    this.#session = http2.connect(`http://127.0.0.1:${port}`);
    this.#session.on('error', () => {});
  }

  /**
   * @param {import('./requests.mjs').Request} request
   * @returns {Promise<{ status: number, message: any, session: string | undefined, bytes: number }>}
   */
  ask({ headers, body }) {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({ ':method': 'POST', ':path': '/mcp', ...headers });
      const timer = setTimeout(() => stream.destroy(new Error('no reply in time')), REPLY_MS);
      /** @type {http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader} */
      let head = {};
      /** @type {Buffer[]} */
      const chunks = [];
      stream.on('response', (got) => {
        head = got;
      });
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('close', () => {
        clearTimeout(timer);
        const text = Buffer.concat(chunks).toString();
        const session = head['mcp-session-id'];
        if (head[':status'] === undefined) reject(new Error('the stream ended without a reply'));
        else
          resolve({
            status: head[':status'],
            bytes: Buffer.byteLength(text),
            session: typeof session === 'string' ? session : undefined,
            message: text.startsWith('{') ? JSON.parse(text) : lastEvent(text),
          });
      });
      stream.end(body);
    });
  }

  close() {
    this.#session.destroy();
  }
}
