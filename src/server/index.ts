/** The public face of the library: servers, gateways and clients, wired. */
export { connect, connectInMemory } from './connect.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export type {
  CacheOptions,
  Completer,
  Completers,
  Listening,
  ListenOptions,
  PromptHandler,
  PromptOptions,
  PromptOutput,
  ResourceHandler,
  ResourceOptions,
  ServerOptions,
  TemplateHandler,
  TemplateOptions,
  ToolHandler,
  ToolOptions,
} from './options.ts';
export { createServer, Server } from './server.ts';
