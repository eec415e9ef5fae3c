/** The clients of others and our own behind one face, so that all can be put through the same paces. */
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpV2,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as TransportV1 } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CreateMessageRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../src/core/json.ts';
import { connect } from '../../src/server/index.ts';

export type Target =
  | { readonly kind: 'http'; readonly url: string }
  | {
      readonly kind: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly cwd: string;
    };

export interface OpenedClient {
  /** Questions that reached this client. */
  readonly asked: { elicitations: number; samples: number };
  era(): string | undefined;
  tools(): Promise<readonly string[]>;
  /** Text of the result's first blocks; of a tool error with `error: ` in front. Rejects with the JSON-RPC `code`. */
  call(name: string, args: JsonObject, onProgress?: (progress: number) => void): Promise<string>;
  resources(): Promise<readonly string[]>;
  templates(): Promise<readonly string[]>;
  read(uri: string): Promise<string>;
  prompts(): Promise<readonly string[]>;
  prompt(name: string, args: Record<string, string>): Promise<string>;
  close(): Promise<void>;
}

export interface RealClient {
  readonly name: string;
  readonly era: 'legacy' | 'modern';
  open(target: Target): Promise<OpenedClient>;
}

const INFO = { name: 'real-client', version: '1.0.0' };
const CAPABILITIES = { elicitation: { form: {} }, sampling: {} };
const ELICITED = { action: 'accept' as const, content: { name: 'Ada' } };
const SAMPLED = {
  role: 'assistant' as const,
  model: 'real-model',
  content: { type: 'text' as const, text: 'said the model' },
};

/** What the results of all clients have in common. */
interface Pages {
  readonly nextCursor?: string | undefined;
}
interface Called {
  readonly content?: unknown;
  readonly isError?: unknown;
}

async function everyPage<P extends Pages, T>(
  page: (cursor: { cursor?: string }) => Promise<P>,
  items: (page: P) => readonly T[],
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const got = await page(cursor === undefined ? {} : { cursor });
    all.push(...items(got));
    cursor = got.nextCursor;
  } while (cursor !== undefined);
  return all;
}

function textOf(result: object): string {
  const { content, isError } = result as Called;
  const blocks = content as readonly { readonly text?: string }[];
  const text = blocks.map((block) => block.text ?? '').join('\n');
  return isError === true ? `error: ${text}` : text;
}

const contentsText = (contents: readonly object[]): string =>
  contents.map((part) => ('text' in part ? String(part.text) : '')).join('\n');

const messagesText = (messages: readonly { readonly content: unknown }[]): string =>
  messages.map(({ content }) => (content as { readonly text?: string }).text ?? '').join('\n');

type CallTool = (
  params: { name: string; arguments: Record<string, unknown> },
  options?: { onprogress: (update: { progress: number }) => void },
) => Promise<object>;

/** The methods the two official clients share, under the same names and with the same results. */
interface OfficialClient {
  listTools(cursor: { cursor?: string }): Promise<Pages & { tools: { name: string }[] }>;
  listResources(cursor: { cursor?: string }): Promise<Pages & { resources: { uri: string }[] }>;
  listResourceTemplates(cursor: {
    cursor?: string;
  }): Promise<Pages & { resourceTemplates: { uriTemplate: string }[] }>;
  readResource(params: { uri: string }): Promise<{ contents: object[] }>;
  listPrompts(cursor: { cursor?: string }): Promise<Pages & { prompts: { name: string }[] }>;
  getPrompt(params: {
    name: string;
    arguments: Record<string, string>;
  }): Promise<{ messages: { content: unknown }[] }>;
  close(): Promise<void>;
}

function opened(
  client: OfficialClient,
  callTool: CallTool,
  asked: OpenedClient['asked'],
  era: OpenedClient['era'],
): OpenedClient {
  return {
    asked,
    era,
    tools: () =>
      everyPage(
        (cursor) => client.listTools(cursor),
        ({ tools }) => tools.map(({ name }) => name),
      ),
    call: async (name, args, onProgress) => {
      const options =
        onProgress === undefined
          ? undefined
          : { onprogress: ({ progress }: { progress: number }) => onProgress(progress) };
      return textOf(await callTool({ name, arguments: { ...args } }, options));
    },
    resources: () =>
      everyPage(
        (cursor) => client.listResources(cursor),
        ({ resources }) => resources.map(({ uri }) => uri),
      ),
    templates: () =>
      everyPage(
        (cursor) => client.listResourceTemplates(cursor),
        ({ resourceTemplates }) => resourceTemplates.map(({ uriTemplate }) => uriTemplate),
      ),
    read: async (uri) => contentsText((await client.readResource({ uri })).contents),
    prompts: () =>
      everyPage(
        (cursor) => client.listPrompts(cursor),
        ({ prompts }) => prompts.map(({ name }) => name),
      ),
    prompt: async (name, args) => messagesText((await client.getPrompt({ name, arguments: args })).messages),
    close: () => client.close(),
  };
}

const sdkV1: RealClient = {
  name: '@modelcontextprotocol/sdk 1.x',
  era: 'legacy',
  open: async (target) => {
    const asked = { elicitations: 0, samples: 0 };
    const client = new ClientV1(INFO, { capabilities: CAPABILITIES });
    client.setRequestHandler(ElicitRequestSchema, () => {
      asked.elicitations += 1;
      return ELICITED;
    });
    client.setRequestHandler(CreateMessageRequestSchema, () => {
      asked.samples += 1;
      return SAMPLED;
    });
    const transport =
      target.kind === 'http'
        ? new HttpV1(new URL(target.url))
        : new StdioV1({ command: target.command, args: [...target.args], cwd: target.cwd, stderr: 'ignore' });
    await client.connect(transport as TransportV1);
    // This client knows no other era.
    return opened(
      client as unknown as OfficialClient,
      // The second argument is a schema of the result; undefined stands for the client's own.
      (params, options) => client.callTool(params, undefined, options),
      asked,
      () => 'legacy',
    );
  },
};

function sdkV2(label: string, era: RealClient['era'], mode: VersionNegotiationMode): RealClient {
  return {
    name: `@modelcontextprotocol/client 2.x, ${label}`,
    era,
    open: async (target) => {
      const asked = { elicitations: 0, samples: 0 };
      const client = new ClientV2(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
      client.setRequestHandler('elicitation/create', () => {
        asked.elicitations += 1;
        return ELICITED;
      });
      client.setRequestHandler('sampling/createMessage', () => {
        asked.samples += 1;
        return SAMPLED;
      });
      const transport =
        target.kind === 'http'
          ? new HttpV2(new URL(target.url))
          : new StdioV2({
              command: target.command,
              args: [...target.args],
              cwd: target.cwd,
              stderr: 'ignore',
            });
      await client.connect(transport);
      return opened(
        client as unknown as OfficialClient,
        (params, options) => client.callTool(params, options),
        asked,
        () => client.getProtocolEra(),
      );
    },
  };
}

function ours(era: RealClient['era']): RealClient {
  return {
    name: `our client, ${era}`,
    era,
    open: async (target) => {
      const asked = { elicitations: 0, samples: 0 };
      const client = await connect(target.kind === 'http' ? target.url : target, {
        era,
        info: INFO,
        onElicit: async () => {
          asked.elicitations += 1;
          return ELICITED;
        },
        onSample: async () => {
          asked.samples += 1;
          return SAMPLED;
        },
      });
      return {
        asked,
        era: () => client.server?.era,
        tools: async () => (await client.listTools()).map(({ name }) => name),
        call: async (name, args, onProgress) => {
          const options =
            onProgress === undefined
              ? {}
              : { onProgress: ({ progress }: { progress: number }) => onProgress(progress) };
          return textOf(
            await client.callTool(name, args, options).catch((error: { rpcCode?: number }) => {
              throw Object.assign(new Error(String(error)), { code: error.rpcCode });
            }),
          );
        },
        resources: async () => (await client.listResources()).map(({ uri }) => uri),
        templates: async () => (await client.listResourceTemplates()).map(({ uriTemplate }) => uriTemplate),
        read: async (uri) => contentsText((await client.readResource(uri)).contents),
        prompts: async () => (await client.listPrompts()).map(({ name }) => name),
        prompt: async (name, args) => messagesText((await client.getPrompt(name, args)).messages),
        close: () => client.close(),
      };
    },
  };
}

export const REAL_CLIENTS: readonly RealClient[] = [
  sdkV1,
  sdkV2('legacy', 'legacy', 'legacy'),
  sdkV2('auto', 'modern', 'auto'),
  sdkV2('pinned to 2026-07-28', 'modern', { pin: '2026-07-28' }),
  ours('legacy'),
  ours('modern'),
];
