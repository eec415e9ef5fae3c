/** The ways through a gateway that are tried: eras of both sides, over HTTP and over stdio. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientOptions, McpClient } from '../../../src/client/contract.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import type { JsonRpcNotification } from '../../../src/core/jsonrpc.ts';
import type {
  CallToolResult,
  CreateMessageParams,
  ElicitParams,
  ElicitResult,
  LogMessage,
} from '../../../src/core/mcp.ts';
import type { Era } from '../../../src/core/revisions.ts';
import { connect, createGateway, type Gateway } from '../../../src/server/index.ts';
import { CLI, ROOT, type RunningCli, startCli, temporaryDirectory } from '../cli-process.ts';

export const WIRINGS = ['http', 'stdio'] as const;
export type Wiring = (typeof WIRINGS)[number];

export interface Pairing {
  /** Era of the client. */
  readonly down: Era;
  /** Era of the upstream. */
  readonly up: Era;
}

export const PAIRINGS: readonly Pairing[] = [
  { down: 'legacy', up: 'legacy' },
  { down: 'legacy', up: 'modern' },
  { down: 'modern', up: 'legacy' },
  { down: 'modern', up: 'modern' },
];

/** A client that can answer everything, and remembers what it was asked and told. */
export interface Talker {
  readonly client: McpClient;
  readonly elicited: ElicitParams[];
  readonly sampled: CreateMessageParams[];
  readonly heard: JsonRpcNotification[];
  /** What the user says next; falls back to accepting with a name that counts up. */
  nextAnswer: ElicitResult | undefined;
}

export interface Crossing extends Pairing {
  readonly wiring: Wiring;
  /** Unique to this way, for state kept by the upstream. */
  readonly label: string;
  /** Through the gateway. */
  readonly talker: Talker;
  readonly client: McpClient;
  /** Past the gateway, in the era of the client: what crossing has to look like. */
  readonly direct: Talker;
  /** Through the gateway, declaring nothing. */
  plain(): Promise<McpClient>;
  /** Past the gateway, declaring nothing. */
  directPlain(): Promise<McpClient>;
  /** Through a transparent gateway. */
  transparent(): Promise<McpClient>;
}

export const ROOTS = [{ uri: 'file:///srv/app', name: 'App' }];
export const SAMPLE = {
  role: 'assistant',
  model: 'model-1',
  stopReason: 'endTurn',
  content: { type: 'text', text: 'x' },
} as const;
const NAMES = ['Ada', 'Alan', 'Grace'];

type Target = Parameters<typeof connect>[0];

async function talk(target: Target, era: Era): Promise<Talker> {
  const elicited: ElicitParams[] = [];
  const sampled: CreateMessageParams[] = [];
  const heard: JsonRpcNotification[] = [];
  const talker = { elicited, sampled, heard, nextAnswer: undefined as ElicitResult | undefined };
  const options: ClientOptions = {
    era,
    info: { name: 'the-client', version: '1' },
    capabilities: { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } },
    onElicit: async (params) => {
      elicited.push(params);
      const answer = talker.nextAnswer;
      if (answer !== undefined) return answer;
      if (params.mode === 'url') return { action: 'accept' };
      return { action: 'accept', content: { name: NAMES[(elicited.length - 1) % NAMES.length] ?? '' } };
    },
    onSample: async (params) => {
      sampled.push(params);
      return SAMPLE;
    },
    onRoots: async () => ROOTS,
    onNotification: (notification) => heard.push(notification),
  };
  return Object.assign(talker, { client: await connect(target, options) });
}

const SERVER = join(ROOT, 'test', 'fixtures', 'crossing-server.ts');

/** Everything that runs for the tests of one file. */
export class Surroundings {
  readonly #folder = temporaryDirectory();
  readonly #gateways: Gateway[] = [];
  readonly #clients: McpClient[] = [];
  readonly #urls = new Map<string, string>();
  readonly #direct = new Map<Era, Talker>();
  #upstream: RunningCli | undefined;
  #upstreamUrl = '';

  /** Starts the upstream that listens; the others are started by their gateways. */
  async start(): Promise<void> {
    this.#upstream = startCli(['serve', SERVER, '--port', '0', '--json']);
    const [, url = ''] = await this.#upstream.seen('stdout', /"url":"([^"]+)"/);
    this.#upstreamUrl = url;
  }

  async open({ down, up }: Pairing, wiring: Wiring): Promise<Crossing> {
    const talker = await talk(await this.#target(wiring, up, false), down);
    this.#clients.push(talker.client);
    const lazy = (target: () => Promise<Target> | Target) => {
      let opened: Promise<McpClient> | undefined;
      const open = async (): Promise<McpClient> => {
        const client = await connect(await target(), { era: down });
        this.#clients.push(client);
        return client;
      };
      return () => {
        opened ??= open();
        return opened;
      };
    };
    return {
      down,
      up,
      wiring,
      label: `${down}-${up}-${wiring}`,
      talker,
      client: talker.client,
      direct: await this.#reference(down),
      plain: lazy(() => this.#target(wiring, up, false)),
      directPlain: lazy(() => this.#upstreamUrl),
      transparent: lazy(() => this.#target(wiring, up, true)),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.#gateways.map((gateway) => gateway.close()));
    this.#upstream?.child.kill('SIGTERM');
    await this.#upstream?.ended;
    this.#folder.remove();
  }

  async #reference(era: Era): Promise<Talker> {
    let talker = this.#direct.get(era);
    if (talker === undefined) {
      talker = await talk(this.#upstreamUrl, era);
      this.#clients.push(talker.client);
      this.#direct.set(era, talker);
    }
    return talker;
  }

  /** The address of a gateway of this process, or the command of a gateway of its own. */
  async #target(wiring: Wiring, up: Era, transparent: boolean): Promise<Target> {
    const name = `${wiring}-${up}-${transparent ? 'transparent' : 'prefixed'}`;
    const config = join(this.#folder.path, `${name}.json`);
    const ferromcp = { era: up };
    const upstream =
      wiring === 'http'
        ? { type: 'http', url: this.#upstreamUrl, ferromcp }
        : { command: process.execPath, args: [CLI, 'serve', SERVER], ferromcp };
    writeFileSync(config, JSON.stringify({ mcpServers: { up: upstream } }));
    const stateDir = join(this.#folder.path, name);
    if (wiring === 'stdio') {
      const words = ['gateway', '--stdio', '--config', config, '--state-dir', stateDir];
      return [process.execPath, CLI, ...words, ...(transparent ? ['--transparent'] : [])];
    }
    let url = this.#urls.get(name);
    if (url === undefined) {
      const gateway = createGateway({ config, stateDir, transparent, limits: { pageSize: 7 } });
      this.#gateways.push(gateway);
      url = (await gateway.listen({ port: 0 })).url;
      this.#urls.set(name, url);
    }
    return url;
  }
}

/** A result without what belongs to one hop. */
export function endToEnd(result: object): JsonObject {
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, _meta, ...rest } = result as JsonObject;
  const meta = Object.entries((_meta ?? {}) as JsonObject).filter(
    ([key]) => !key.startsWith('io.modelcontextprotocol/'),
  );
  return meta.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(meta) };
}

export function firstText({ content }: CallToolResult): string {
  const [block] = content;
  return block?.type === 'text' ? block.text : '';
}

/** The log messages a client was told outside of its calls. */
export const logsOf = ({ heard }: Talker): LogMessage[] =>
  heard
    .filter(({ method }) => method === 'notifications/message')
    .map(({ params }) => params as unknown as LogMessage);
