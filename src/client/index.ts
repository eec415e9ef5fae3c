/** The asking side of MCP: one client per server, both eras, any transport. */
export { createClient } from './client.ts';
export type {
  ClientOptions,
  ClientTransport,
  InputRequiredAnswer,
  McpClient,
  MessageOrigin,
  RequestOptions,
  ServerDescription,
  ServerRequest,
  Subscription,
  SubscriptionEnd,
  TransportSendOptions,
} from './contract.ts';
export { RawResult } from './raw-result.ts';
export { isSessionLost } from './session-loss.ts';
