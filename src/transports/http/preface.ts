import type { Socket } from 'node:net';

/** What a client of HTTP/2 with prior knowledge begins with (RFC 9113, 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Takes a connection with what was read of it put back. */
export type Take = (socket: Socket) => void;

/** Gives a connection in clear to the protocol its first bytes belong to; one that says nothing is closed. */
export function chooseProtocol(socket: Socket, waitMs: number, http1: Take, http2: Take): void {
  let input: Buffer = Buffer.alloc(0);
  const drop = (): void => {
    socket.destroy();
  };
  const read = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    input = input.length === 0 ? chunk : Buffer.concat([input, chunk]);
    const known = Math.min(input.length, PREFACE.length);
    const modern = input.compare(PREFACE, 0, known, 0, known) === 0;
    if (modern && known < PREFACE.length) return;
    socket.setTimeout(0);
    socket.off('timeout', drop).off('end', drop).off('error', drop).off('readable', read);
    socket.unshift(input);
    if (modern) http2(socket);
    else http1(socket);
  };
  socket.setTimeout(waitMs);
  socket.on('timeout', drop).on('end', drop).on('error', drop).on('readable', read);
}
