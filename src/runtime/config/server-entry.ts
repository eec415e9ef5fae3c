import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { Diagnostics } from './diagnostics.ts';
import type { DocumentPath } from './located-document.ts';
import { FOREIGN_ENTRY_KEYS, SERVER_ENTRY_KEYS, SERVER_SECTION_SCHEMA } from './schema.ts';
import { readSection } from './section.ts';
import { suggest } from './suggestion.ts';
import type { ToolFilter, UpstreamOptions } from './upstream-options.ts';
import { expandVariables, type VariableScope } from './variables.ts';

/** A server that is started as a child process and spoken to over its standard streams. */
export interface StdioTarget {
  readonly kind: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly cwd?: string;
}

/** A server that is reached over HTTP. */
export interface HttpTarget {
  readonly kind: 'http';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `auto`: Streamable HTTP first, then the transport of 2024-11-05. */
  readonly transport: 'auto' | 'streamable-http' | 'sse';
}

export interface ServerEntry {
  readonly name: string;
  readonly target: StdioTarget | HttpTarget;
  readonly options: UpstreamOptions;
}

export interface EntryEnvironment {
  /** Folder that relative paths in the file start from; absolute. */
  readonly folder: string;
  readonly variables: VariableScope;
  readonly defaults: UpstreamOptions;
  readonly diagnostics: Diagnostics;
}

const ALIASES: Readonly<Record<string, string>> = {
  serverUrl: 'url',
  httpUrl: 'url',
  transport: 'type',
  excludeTools: 'disabledTools',
  tools: 'includeTools',
};

const TYPES: Readonly<Record<string, 'stdio' | HttpTarget['transport']>> = {
  stdio: 'stdio',
  http: 'streamable-http',
  'streamable-http': 'streamable-http',
  streamableHttp: 'streamable-http',
  streamable_http: 'streamable-http',
  sse: 'sse',
};

/** Reads one entry of `mcpServers` / `servers`. Undefined: the server is switched off, or a problem was reported. */
export function readServerEntry(
  name: string,
  value: JsonValue | undefined,
  path: DocumentPath,
  environment: EntryEnvironment,
): ServerEntry | undefined {
  const { diagnostics } = environment;
  if (!isJsonObject(value)) {
    diagnostics.error('CONFIG_INVALID', path, 'a server must be an object');
    return undefined;
  }
  if (value['disabled'] === true || value['enabled'] === false) return undefined;
  const entry = new EntryReader(value, path, environment);
  entry.warnOfUnknownKeys();
  const section = readSection(value['ferromcp'], SERVER_SECTION_SCHEMA, [...path, 'ferromcp'], diagnostics);
  const target = entry.target();
  if (section === undefined || target === undefined) return undefined;
  const merged: UpstreamOptions = { ...environment.defaults, ...(section as Partial<UpstreamOptions>) };
  return { name, target, options: { ...merged, tools: entry.toolFilter(merged.tools) } };
}

class EntryReader {
  readonly #value: JsonObject;
  readonly #path: DocumentPath;
  readonly #environment: EntryEnvironment;

  constructor(value: JsonObject, path: DocumentPath, environment: EntryEnvironment) {
    this.#value = value;
    this.#path = path;
    this.#environment = environment;
  }

  warnOfUnknownKeys(): void {
    for (const key of Object.keys(this.#value)) {
      if (
        Object.hasOwn(SERVER_ENTRY_KEYS, key) ||
        Object.hasOwn(ALIASES, key) ||
        FOREIGN_ENTRY_KEYS.has(key)
      ) {
        continue;
      }
      const guess = suggest(key, Object.keys(SERVER_ENTRY_KEYS));
      const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
      this.#environment.diagnostics.warn(
        'CONFIG_UNKNOWN_KEY',
        [...this.#path, key],
        `unknown key ${JSON.stringify(key.slice(0, 100))} is ignored${hint}`,
        { key: true },
      );
    }
  }

  target(): StdioTarget | HttpTarget | undefined {
    const typeKey = this.#keyOf('type');
    const type = this.#string(typeKey);
    const kind = type === undefined ? undefined : TYPES[type];
    if (type !== undefined && (kind === undefined || !Object.hasOwn(TYPES, type))) {
      return this.#fail(
        typeKey,
        `unknown type "${type.slice(0, 50)}"; known: ${Object.keys(TYPES).join(', ')}`,
      );
    }
    const urlKey = this.#keyOf('url');
    const hasUrl = this.#value[urlKey] !== undefined;
    const hasCommand = this.#value['command'] !== undefined;
    if (kind === 'stdio' && !hasCommand) return this.#fail(typeKey, 'type "stdio" needs "command"');
    if (kind !== undefined && kind !== 'stdio' && !hasUrl) {
      return this.#fail(typeKey, `type "${type ?? ''}" needs "url"`);
    }
    if (hasUrl && hasCommand && kind === undefined) {
      return this.#fail('', 'has both "command" and "url"; say which with "type"');
    }
    if (kind === 'stdio' || (kind === undefined && hasCommand)) return this.#stdio();
    if (hasUrl) return this.#http(urlKey, kind ?? 'auto');
    return this.#fail('', 'needs "command" (a program to start) or "url"');
  }

  toolFilter(base: ToolFilter): ToolFilter {
    const deny = [
      ...(base.deny ?? []),
      ...(this.#strings('disabledTools') ?? []),
      ...(this.#strings('excludeTools') ?? []),
    ];
    const listed = this.#strings(this.#keyOf('includeTools'));
    const allow = base.allow ?? (listed === undefined || listed.length === 0 ? undefined : listed);
    return { ...(allow === undefined ? {} : { allow }), ...(deny.length === 0 ? {} : { deny }) };
  }

  #stdio(): StdioTarget | undefined {
    const command = this.#string('command');
    const args = this.#strings('args') ?? [];
    const own = this.#map('env');
    const cwd = this.#string('cwd');
    if (command === undefined || own === undefined) return undefined;
    if (command === '' || [command, ...args, cwd ?? ''].some((text) => text.includes('\0'))) {
      return this.#fail('command', 'must not be empty or contain NUL');
    }
    for (const [key, value] of Object.entries(own)) {
      if (key === '' || key.includes('=') || key.includes('\0') || value.includes('\0')) {
        return this.#fail('env', `${JSON.stringify(key.slice(0, 100))} cannot be an environment variable`);
      }
    }
    const fromFile = this.#envFile();
    if (fromFile === undefined) return undefined;
    return {
      kind: 'stdio',
      command,
      args,
      env: { ...fromFile, ...own },
      ...(cwd === undefined ? {} : { cwd: resolve(this.#environment.folder, cwd) }),
    };
  }

  #http(urlKey: string, transport: HttpTarget['transport']): HttpTarget | undefined {
    const url = this.#string(urlKey);
    const headers = this.#map('headers');
    if (url === undefined || headers === undefined) return undefined;
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
      return this.#fail(urlKey, 'must be an http: or https: URL');
    }
    for (const [key, value] of Object.entries(headers)) {
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(key) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
        return this.#fail('headers', `${JSON.stringify(key.slice(0, 100))} cannot be sent as an HTTP header`);
      }
    }
    return { kind: 'http', url, headers, transport };
  }

  #envFile(): Readonly<Record<string, string>> | undefined {
    const file = this.#string('envFile');
    if (file === undefined) return {};
    try {
      const parsed = parseEnv(readFileSync(resolve(this.#environment.folder, file), 'utf8'));
      return Object.fromEntries(
        Object.entries(parsed).filter((pair): pair is [string, string] => pair[1] !== undefined),
      );
    } catch {
      this.#environment.diagnostics.error(
        'CONFIG_NOT_FOUND',
        [...this.#path, 'envFile'],
        'the file cannot be read',
      );
      return undefined;
    }
  }

  /** The spelling of `key` that is present; `key` itself when none is. */
  #keyOf(key: string): string {
    if (this.#value[key] !== undefined) return key;
    return (
      Object.keys(ALIASES).find((alias) => ALIASES[alias] === key && this.#value[alias] !== undefined) ?? key
    );
  }

  #string(key: string): string | undefined {
    const value = this.#value[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return this.#expand(value, [key]);
    return this.#fail(key, 'must be a string');
  }

  #strings(key: string): readonly string[] | undefined {
    const value = this.#value[key];
    if (value === undefined || value === null) return undefined;
    if (Array.isArray(value) && value.every(isScalarText)) {
      return value.map((item, index) => this.#expand(String(item), [key, index]));
    }
    this.#fail(key, 'must be a list of strings');
    return undefined;
  }

  #map(key: string): Readonly<Record<string, string>> | undefined {
    const value = this.#value[key];
    if (value === undefined || value === null) return {};
    if (!isJsonObject(value)) return this.#fail(key, 'must be an object of strings');
    const result: Record<string, string> = {};
    for (const [name, item] of Object.entries(value)) {
      if (item === null || item === undefined) continue;
      if (!isScalarText(item)) return this.#fail(key, `${JSON.stringify(name)} must be a string`);
      result[name] = this.#expand(String(item), [key, name]);
    }
    return result;
  }

  #expand(text: string, at: DocumentPath): string {
    const expansion = expandVariables(text, this.#environment.variables);
    for (const problem of expansion.problems) {
      this.#environment.diagnostics.error('CONFIG_VARIABLE', [...this.#path, ...at], problem.message);
    }
    return expansion.text;
  }

  #fail(key: string, message: string): undefined {
    this.#environment.diagnostics.error(
      'CONFIG_INVALID',
      key === '' ? this.#path : [...this.#path, key],
      message,
    );
    return undefined;
  }
}

function isScalarText(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
