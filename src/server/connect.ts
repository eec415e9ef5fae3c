import { createClient } from '../client/client.ts';
import type { ClientOptions, McpClient } from '../client/contract.ts';
import { type TransportTarget, targetTransport } from '../transports/client/target.ts';
import type { Server } from './server.ts';

/** A connected client of the server at a URL or behind a command. */
export async function connect(target: TransportTarget, options: ClientOptions = {}): Promise<McpClient> {
  return opened(createClient(targetTransport(target), options));
}

/** A connected client of a server in this process: for tests, and for using a server as a library. */
export async function connectInMemory(server: Server, options: ClientOptions = {}): Promise<McpClient> {
  await server.ready();
  return opened(createClient(server.transport(), options));
}

async function opened(client: McpClient): Promise<McpClient> {
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}
