/** The public face of the library: servers, gateways and clients, wired. */
export { connect, connectInMemory } from './connect.ts';
export type { Upstream } from './mount.ts';
export type {
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
