/** One keep-alive connection that asks one thing at a time: for opening sessions, checks and samples. */
import net from 'node:net';
import { messageIn, wholeReply } from './http1-reply.mjs';
import { http1 } from './requests.mjs';

const REPLY_MS = 20_000;

export class Connection {
  /** @type {net.Socket | undefined} */
  #socket;
  /** @type {number} */
  #port;

  /** @param {number} port */
  constructor(port) {
    this.#port = port;
  }

  /**
   * @param {import('./requests.mjs').Request} request
   * @returns {Promise<{ status: number, message: any, session: string | undefined, bytes: number }>}
   */
  async ask(request) {
    const socket = await this.#open();
    /** @type {Buffer[]} */
    const chunks = [];
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => finish(() => reject(new Error('no reply in time'))), REPLY_MS);
      /** @param {() => void} settle */
      const finish = (settle) => {
        clearTimeout(timer);
        socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error');
        socket.on('error', () => {});
        settle();
      };
      socket.on('error', (error) => finish(() => reject(error)));
      socket.on('close', () => finish(() => reject(new Error('the connection ended without a whole reply'))));
      socket.on('data', (chunk) => {
        chunks.push(chunk);
        const buffer = Buffer.concat(chunks);
        const reply = wholeReply(buffer);
        if (reply === undefined) return;
        if (reply.head.includes('\r\nconnection: close')) this.close();
        const session = /\r\nmcp-session-id: *([^\r]+)/i.exec(
          buffer.toString('latin1', 0, reply.bodyStart),
        )?.[1];
        const { status, bytes } = reply;
        finish(() => resolve({ status, bytes, session, message: messageIn(buffer, reply) }));
      });
      socket.write(http1(request, this.#port));
    });
  }

  close() {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  /** @returns {Promise<net.Socket>} */
  #open() {
    const open = this.#socket;
    if (open !== undefined && !open.destroyed && open.writable) return Promise.resolve(open);
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        this.#socket = socket;
        resolve(socket);
      });
    });
  }
}
