import type { ClientTransport, MessageOrigin } from '../../client/contract.ts';
import type { JsonRpcMessage } from '../../core/jsonrpc.ts';
import { LOCAL_USER, type Principal } from '../../core/principal.ts';
import { Connection, type ProtocolDeps } from '../../protocol/connection.ts';

const NOWHERE: MessageOrigin = {};

/**
 * A client transport that ends in a server of the same process. Messages cross as JSON text, so both sides see exactly
 * what they would see over a wire, and each arrives in a turn of its own.
 */
export function memoryTransport(deps: ProtocolDeps, principal: Principal = LOCAL_USER): ClientTransport {
  let connection: Connection | undefined;
  let closed: ((reason?: Error) => void) | undefined;
  return {
    kind: 'memory',
    start(events) {
      closed = events.closed;
      connection = new Connection(deps, principal, (text) => {
        const message = JSON.parse(text) as JsonRpcMessage;
        queueMicrotask(() => events.message(message, NOWHERE));
      });
      return Promise.resolve();
    },
    send(message) {
      const bytes = Buffer.from(JSON.stringify(message));
      queueMicrotask(() => connection?.receive(bytes));
      return Promise.resolve();
    },
    close() {
      connection?.close();
      connection = undefined;
      closed?.();
      closed = undefined;
      return Promise.resolve();
    },
  };
}
