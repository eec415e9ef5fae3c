/**
 * What a server offers, in registration order. The registry holds data and handlers only; the method handlers beside
 * it read it, the era codecs put it on the wire, and whoever changes it (application, gateway) need not tell anyone.
 */
import type { JsonObject, JsonValue } from '../core/json.ts';
import type {
  CallToolResult,
  Completion,
  GetPromptResult,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplate,
  Tool,
} from '../core/mcp.ts';
import type { CachePolicy } from '../core/result-cache.ts';
import type { RequestContext } from '../protocol/context.ts';
import type { ForwardedResult } from '../protocol/forwarded-result.ts';
import type { TextResult } from '../protocol/handler.ts';
import type { InputRequired } from '../protocol/input-required.ts';
import { Catalogue } from './catalogue.ts';
import { ResourceSubscriptions } from './subscriptions/resource-subscriptions.ts';

/** Large results of upstreams pass through as bytes. */
export type Outcome<T> = T | InputRequired | ForwardedResult;

export type ToolOutcome = Outcome<CallToolResult> | TextResult;

export interface ToolEntry {
  readonly definition: Tool;
  /** Where the entry comes from; `undefined` = registered by the application. Used for bulk replacement. */
  readonly source?: string;
  /** Deadline of one run in milliseconds; 0 = none; default `limits.callMs`. */
  readonly timeoutMs?: number;
  /** How long results may be kept; absent: not at all. */
  readonly cache?: CachePolicy;
  /** Checks the arguments and may replace them (transforms, defaults). Absent: whoever runs the tool checks. */
  readonly parseArguments?: ArgumentParser;
  /** What is wrong with the structured content, or undefined. Absent: not checked here. */
  readonly outputProblem?: (value: JsonValue | undefined) => string | undefined | Promise<string | undefined>;
  readonly call: (args: JsonObject, ctx: RequestContext) => Promise<ToolOutcome> | ToolOutcome;
  readonly complete?: ArgumentCompleter;
}

export type ArgumentParser = (args: JsonObject) => ParsedArguments | Promise<ParsedArguments>;
export type ParsedArguments =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly result: CallToolResult };

/** Proposes values for one argument (prompt argument, template variable, tool argument). */
export type ArgumentCompleter = (
  argument: { readonly name: string; readonly value: string },
  context: Readonly<Record<string, string>>,
  ctx: RequestContext,
) => Promise<Completion> | Completion;

export interface ResourceEntry {
  readonly definition: Resource;
  readonly source?: string;
  /** As for tools; so below. */
  readonly timeoutMs?: number;
  readonly cache?: CachePolicy;
  readonly read: (
    uri: string,
    ctx: RequestContext,
  ) => Promise<Outcome<ReadResourceResult>> | Outcome<ReadResourceResult>;
}

export interface TemplateEntry {
  readonly definition: ResourceTemplate;
  readonly source?: string;
  readonly timeoutMs?: number;
  readonly cache?: CachePolicy;
  readonly read: (
    uri: string,
    variables: Readonly<Record<string, string | readonly string[]>>,
    ctx: RequestContext,
  ) => Promise<Outcome<ReadResourceResult>> | Outcome<ReadResourceResult>;
  readonly complete?: ArgumentCompleter;
}

export interface PromptEntry {
  readonly definition: Prompt;
  readonly source?: string;
  readonly timeoutMs?: number;
  readonly get: (
    args: Readonly<Record<string, string>>,
    ctx: RequestContext,
  ) => Promise<Outcome<GetPromptResult>> | Outcome<GetPromptResult>;
  readonly complete?: ArgumentCompleter;
}

/** Reads URIs that are neither listed nor covered by a template; returns undefined when the URI is not its own. */
export interface ResourceFallback {
  readonly source: string;
  read(uri: string, ctx: RequestContext): Promise<Outcome<ReadResourceResult> | undefined>;
}

/** Someone whose entries may still be on their way when a list is asked for (an upstream that is starting). */
export interface EntrySource {
  readonly name: string;
  /** Undefined when complete; else settles when it is, or when it gave up (then the list goes without it). */
  pending(ctx: RequestContext): Promise<void> | undefined;
}

export type ListKind = 'tools' | 'resources' | 'prompts';

export class Registry {
  readonly tools = new Catalogue<ToolEntry>((entry) => entry.definition.name);
  readonly resources = new Catalogue<ResourceEntry>((entry) => entry.definition.uri);
  readonly templates = new Catalogue<TemplateEntry>((entry) => entry.definition.uriTemplate);
  readonly prompts = new Catalogue<PromptEntry>((entry) => entry.definition.name);
  readonly fallbacks: ResourceFallback[] = [];
  readonly sources: EntrySource[] = [];
  /** Interest of clients in single resources; also how updates are announced. */
  readonly subscriptions = new ResourceSubscriptions();

  /** Grows at every change of any entry. */
  get epoch(): number {
    return this.tools.epoch + this.resources.epoch + this.templates.epoch + this.prompts.epoch;
  }

  /** Runs `listener` after any change of the entries behind one kind of list. */
  onListChanged(listener: (kind: ListKind) => void): () => void {
    const stops = [
      this.tools.onChange(() => listener('tools')),
      this.resources.onChange(() => listener('resources')),
      this.templates.onChange(() => listener('resources')),
      this.prompts.onChange(() => listener('prompts')),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }
}
