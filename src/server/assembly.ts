import type { JsonCodec } from '../core/envelope.ts';
import { FerroError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { type Limits, resolveLimits } from '../core/limits.ts';
import { type Logger, SILENT } from '../core/log.ts';
import type { Implementation, LoggingLevel, ServerCapabilities } from '../core/mcp.ts';
import { CompleteHandler } from '../features/completion/complete.ts';
import { ListHandler } from '../features/lists/list-handler.ts';
import { setLevelHandler } from '../features/logging/set-level.ts';
import { GetPromptHandler } from '../features/prompts/get-prompt.ts';
import type { Registry } from '../features/registry.ts';
import { ReadResourceHandler } from '../features/resources/read-resource.ts';
import { subscribeHandler, unsubscribeHandler } from '../features/resources/subscribe.ts';
import { coalesced, ListenHandler, listChangedMethod } from '../features/subscriptions/listen.ts';
import { CallToolHandler } from '../features/tools/call-tool.ts';
import { selectCodec } from '../protocol/codec/index.ts';
import type { ProtocolDeps } from '../protocol/connection.ts';
import { LegacyCodec } from '../protocol/eras/legacy/codec.ts';
import { LegacyEra } from '../protocol/eras/legacy/era.ts';
import type { LegacySession } from '../protocol/eras/legacy/session.ts';
import { ModernCodec } from '../protocol/eras/modern/codec.ts';
import { ModernEra } from '../protocol/eras/modern/era.ts';
import { ModernInputs } from '../protocol/eras/modern/input.ts';
import { Execution } from '../protocol/execution.ts';
import type { MethodHandler, Middleware } from '../protocol/handler.ts';
import { discoverHandler, type ServerIdentity } from '../protocol/identity.ts';
import { ResultEncoder } from '../protocol/result-encoder.ts';
import { SchemaCache } from '../protocol/schema/index.ts';
import { Sealer } from '../protocol/seal.ts';
import { CapabilityView } from './capability-view.ts';
import type { ServerOptions } from './options.ts';
import { type ResultCaching, resultCaching } from './result-caching.ts';

const SECRET_BYTES = 32;

/** What the rest of the server room needs of the assembled protocol. */
export interface Assembly {
  readonly protocol: ProtocolDeps;
  readonly execution: Execution;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly schemas: SchemaCache;
  readonly readySessions: ReadonlySet<LegacySession>;
  readonly capabilities: CapabilityView;
  /** Undefined when it is switched off. */
  readonly caching: ResultCaching | undefined;
}

export interface AssemblyHooks {
  readonly middleware: readonly Middleware[];
  /** Capabilities of mounted upstreams, to be merged in. */
  readonly mounted: () => ServerCapabilities;
  readonly onRootsChanged: (session: LegacySession) => void;
  readonly onLogLevel: (peerKey: string, level: LoggingLevel) => void;
  /** Identity seen by clients; a transparent gateway shows its upstream's. */
  readonly identity: () => { readonly serverInfo: Implementation; readonly instructions: string | undefined };
  /** Settles when the identity and the capabilities are known; undefined when they are. */
  readonly pending: () => Promise<void> | undefined;
  /** A session or connection has ended. */
  readonly onPeerGone: (peerKey: string) => void;
}

/** Puts codec, eras, features and registry together: the only place where they meet. */
export function assemble(options: ServerOptions, registry: Registry, hooks: AssemblyHooks): Assembly {
  const limits = resolveLimits(options.limits);
  const logger = options.logger ?? SILENT;
  const codec: JsonCodec = selectCodec(options.jsonCodec ?? 'native');
  const schemas = new SchemaCache({ limits });
  const sealer = makeSealer(options.stateSecret);
  const check = (schema: JsonObject, value: unknown): boolean => schemas.compile(schema)(value) === undefined;
  const view = new CapabilityView(registry, options, hooks.mounted);
  const capabilities = (): ServerCapabilities => view.current;
  const identity: ServerIdentity = {
    get serverInfo() {
      return hooks.identity().serverInfo;
    },
    get instructions() {
      return hooks.identity().instructions;
    },
    capabilities,
    pending: hooks.pending,
  };

  const inputs = new ModernInputs({ sealer, codec, check, now: Date.now });
  const hints = {
    ttlMs: options.cacheHints?.ttlMs ?? 0,
    cacheScope: options.cacheHints?.cacheScope ?? 'private',
  };
  const modernCodec = new ModernCodec({ identity, codec, hints, inputs });
  const legacyCodec = new LegacyCodec(codec, check);
  const encoder = new ResultEncoder(modernCodec, legacyCodec);
  const caching = resultCaching(options.sona, {
    registry,
    encoder,
    logger,
    hints,
    hasMiddleware: () => hooks.middleware.length > 0,
    serverInfo: () => hooks.identity().serverInfo,
  });
  const handlers = new Map<string, MethodHandler>();
  const execution = new Execution({ handlers, middleware: hooks.middleware, limits, logger, codec });
  const lists = { encoder, sealer, limits, sources: registry.sources };

  handlers.set('server/discover', discoverHandler(identity));
  handlers.set(
    'tools/list',
    new ListHandler('tools/list', 'tools', registry.tools, (entry) => entry.definition.name, lists),
  );
  handlers.set(
    'resources/list',
    new ListHandler(
      'resources/list',
      'resources',
      registry.resources,
      (entry) => entry.definition.uri,
      lists,
    ),
  );
  handlers.set(
    'resources/templates/list',
    new ListHandler(
      'resources/templates/list',
      'resourceTemplates',
      registry.templates,
      (entry) => entry.definition.uriTemplate,
      lists,
    ),
  );
  handlers.set(
    'prompts/list',
    new ListHandler('prompts/list', 'prompts', registry.prompts, (entry) => entry.definition.name, lists),
  );
  handlers.set('tools/call', new CallToolHandler(registry, logger, caching?.answers));
  handlers.set('resources/read', new ReadResourceHandler(registry, caching?.answers));
  handlers.set('resources/subscribe', subscribeHandler(registry, limits));
  handlers.set('resources/unsubscribe', unsubscribeHandler());
  handlers.set('prompts/get', new GetPromptHandler(registry));
  handlers.set('completion/complete', new CompleteHandler(registry));
  handlers.set('logging/setLevel', setLevelHandler(hooks.onLogLevel));
  handlers.set('subscriptions/listen', new ListenHandler({ registry, limits, capabilities }));

  const readySessions = new Set<LegacySession>();
  const onReady = (session: LegacySession): void => {
    readySessions.add(session);
    session.onClose(() => readySessions.delete(session));
  };
  coalesced(registry, (kind) => {
    for (const session of readySessions) session.notify(listChangedMethod(kind));
  });
  const legacy = new LegacyEra({
    execution,
    codec: legacyCodec,
    identity,
    limits,
    onReady,
    onRootsChanged: hooks.onRootsChanged,
  });
  const modern = new ModernEra({ execution, codec: modernCodec, inputs, limits, capabilities });
  const onPeer = (session: LegacySession): void => {
    session.onClose(() => hooks.onPeerGone(session.id));
  };
  const protocol = { codec, limits, logger, legacy, modern, onPeer };
  return { protocol, execution, limits, logger, schemas, readySessions, capabilities: view, caching };
}

function makeSealer(secret: Uint8Array | undefined): Sealer {
  if (secret !== undefined && secret.length < SECRET_BYTES) {
    throw new FerroError('CONFIG_INVALID', {
      detail: `stateSecret must have at least ${SECRET_BYTES} bytes`,
    });
  }
  return new Sealer(secret);
}
