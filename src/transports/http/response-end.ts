import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Listeners of connections that have pipelined requests: one listener of the socket, however many they are. */
const PIPELINED = new WeakMap<Socket, Set<() => void>>();

/**
 * Runs `listener` once, when the response has been sent or can no longer be. A response that waits for earlier ones on
 * its connection is not told by Node when the connection ends.
 */
export function onceClosed(response: ServerResponse, listener: () => void): void {
  if (response.socket !== null && !response.socket.destroyed) {
    response.once('close', listener);
    return;
  }
  const { socket } = response.req;
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    PIPELINED.get(socket)?.delete(end);
    listener();
  };
  if (socket.destroyed) {
    end();
    return;
  }
  response.once('close', end);
  let listeners = PIPELINED.get(socket);
  if (listeners === undefined) {
    const all = new Set<() => void>();
    PIPELINED.set(socket, all);
    socket.once('close', () => {
      for (const each of [...all]) each();
    });
    listeners = all;
  }
  listeners.add(end);
}
