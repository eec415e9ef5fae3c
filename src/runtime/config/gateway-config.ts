import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, extname, resolve, sep } from 'node:path';
import { FerroError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { type ConfigDiagnostic, Diagnostics } from './diagnostics.ts';
import {
  DocumentSyntaxError,
  type LocatedDocument,
  parseJsonDocument,
  parseYamlDocument,
} from './located-document.ts';
import { GATEWAY_SECTION_SCHEMA } from './schema.ts';
import { readSection } from './section.ts';
import { readServerEntry, type ServerEntry } from './server-entry.ts';
import { defaultStateDirectory } from './state-directory.ts';
import { suggest } from './suggestion.ts';
import { DEFAULT_UPSTREAM_OPTIONS, type UpstreamOptions } from './upstream-options.ts';
import { expandVariables } from './variables.ts';

/** A checked configuration of the gateway. */
export interface GatewayConfig {
  /** Absolute path of the file it was read from. */
  readonly path?: string;
  /** In the order of the file; servers that are switched off are left out. */
  readonly servers: readonly ServerEntry[];
  /** Defaults for servers that are added later. */
  readonly defaults: UpstreamOptions;
  /** Absolute. */
  readonly stateDir: string;
  /** Cache of what was read of upstreams. */
  readonly sona?: {
    readonly enabled?: boolean;
    readonly cacheSize?: number;
    readonly shared?: string;
    readonly timeoutMs?: number;
  };
  readonly transport?: { readonly http?: { readonly front?: 'native' | 'node' } };
  /** Things that are probably mistakes but do not stop us, e.g. unknown keys in sections of other tools. */
  readonly warnings: readonly ConfigDiagnostic[];
}

export interface ConfigOptions {
  /** Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Bytes a configuration file may have. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_SERVERS = 1_000;
const SERVER_NAME_CHARS = 200;

/**
 * Reads a file of Claude Desktop, Cursor, Windsurf, Cline (`mcpServers`) or VS Code (`servers`), unchanged or with our
 * own `ferromcp` sections. JSON may have comments; `.yaml` and `.yml` are read as YAML.
 *
 * @throws FerroError CONFIG_NOT_FOUND, CONFIG_INVALID, CONFIG_UNKNOWN_KEY, CONFIG_VARIABLE; the detail has one
 * `file:line:column: message` line for each problem.
 */
export function readGatewayConfig(path: string, options: ConfigOptions = {}): GatewayConfig {
  const absolute = resolve(path);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(absolute);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new FerroError('CONFIG_NOT_FOUND', { detail: `${path}: ${reason}`, cause: error });
  }
  if (bytes.byteLength > MAX_BYTES) {
    throw new FerroError('CONFIG_INVALID', { detail: `${path}: larger than ${MAX_BYTES} bytes` });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new FerroError('CONFIG_INVALID', { detail: `${path}: not valid UTF-8` });
  }
  return parseGatewayConfig(text, absolute, options);
}

/** As {@link readGatewayConfig}, from a text; `path` names it in messages and gives folder and format. */
export function parseGatewayConfig(text: string, path: string, options: ConfigOptions = {}): GatewayConfig {
  const env = options.env ?? process.env;
  const file = resolve(path);
  const document = parse(text, file);
  const diagnostics = new Diagnostics(path, document);
  const root = document.value;
  if (!isJsonObject(root)) {
    diagnostics.error('CONFIG_INVALID', [], 'the file must be an object with "mcpServers" or "servers"');
    diagnostics.throwIfAny();
    throw new FerroError('CONFIG_INVALID', { detail: path });
  }
  const folder = dirname(file);
  const workspace = workspaceOf(folder);
  const predefined: Record<string, string> = {
    workspaceFolder: workspace,
    workspaceFolderBasename: basename(workspace),
    workspaceRoot: workspace,
    configFolder: folder,
    userHome: homedir(),
    cwd: process.cwd(),
    pathSeparator: sep,
    '/': sep,
  };
  const section = readSection(root['ferromcp'], GATEWAY_SECTION_SCHEMA, ['ferromcp'], diagnostics) ?? {};
  const stateDir = stateDirectory(section, folder, { env, predefined }, diagnostics);
  predefined['stateDir'] = stateDir;
  const { stateDir: _ours, transport, sona, ...common } = section;
  const defaults: UpstreamOptions = { ...DEFAULT_UPSTREAM_OPTIONS, ...(common as Partial<UpstreamOptions>) };
  warnOfUnknownKeys(root, diagnostics);
  const servers: ServerEntry[] = [];
  for (const { key, entries } of serverMaps(root, diagnostics)) {
    for (const [name, value] of Object.entries(entries)) {
      const at = [...key, name];
      if (name === '' || name.length > SERVER_NAME_CHARS) {
        diagnostics.error(
          'CONFIG_INVALID',
          at,
          `a server name must have 1 to ${SERVER_NAME_CHARS} characters`,
          {
            key: true,
          },
        );
        continue;
      }
      if (servers.some((server) => server.name === name)) {
        diagnostics.error('CONFIG_INVALID', at, 'a server of this name is there already', { key: true });
        continue;
      }
      const entry = readServerEntry(name, value, at, {
        folder,
        variables: { env, predefined },
        defaults,
        diagnostics,
      });
      if (entry !== undefined) servers.push(entry);
      if (servers.length > MAX_SERVERS) {
        diagnostics.error('CONFIG_INVALID', key, `more than ${MAX_SERVERS} servers`);
        break;
      }
    }
  }
  diagnostics.throwIfAny();
  const { warnings } = diagnostics;
  return {
    path: file,
    servers,
    defaults,
    stateDir,
    warnings,
    ...(sona === undefined ? {} : { sona: sona as NonNullable<GatewayConfig['sona']> }),
    ...(transport === undefined ? {} : { transport: transport as NonNullable<GatewayConfig['transport']> }),
  };
}

function parse(text: string, file: string): LocatedDocument {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const yaml = ['.yaml', '.yml'].includes(extname(file).toLowerCase());
  try {
    return yaml ? parseYamlDocument(withoutMark) : parseJsonDocument(withoutMark);
  } catch (error) {
    if (!(error instanceof DocumentSyntaxError)) throw error;
    const lines = error.problems
      .slice(0, 10)
      .map((problem) => `${file}:${problem.line}:${problem.column}: ${problem.message}`);
    throw new FerroError('CONFIG_INVALID', {
      detail: lines.join('\n'),
      data: { problems: error.problems },
      cause: error,
    });
  }
}

function stateDirectory(
  section: JsonObject,
  folder: string,
  variables: {
    env: Readonly<Record<string, string | undefined>>;
    predefined: Readonly<Record<string, string>>;
  },
  diagnostics: Diagnostics,
): string {
  const configured = section['stateDir'];
  // The environment is closer to the user than a file that may be shared.
  if (typeof configured !== 'string' || variables.env['FERROMCP_STATE_DIR']) {
    return resolve(defaultStateDirectory(variables.env));
  }
  const expansion = expandVariables(configured, variables);
  for (const problem of expansion.problems) {
    diagnostics.error('CONFIG_VARIABLE', ['ferromcp', 'stateDir'], problem.message);
  }
  return resolve(folder, expansion.text);
}

/** A file in `.vscode` or `.cursor` belongs to the folder above. */
function workspaceOf(folder: string): string {
  return basename(folder).startsWith('.') ? dirname(folder) : folder;
}

interface ServerMap {
  readonly key: readonly string[];
  readonly entries: JsonObject;
}

/** `mcpServers` (most tools), `servers` (VS Code), and both below `mcp` (VS Code settings). */
function serverMaps(root: JsonObject, diagnostics: Diagnostics): readonly ServerMap[] {
  const found: ServerMap[] = [];
  const nested = root['mcp'];
  const holders: readonly (readonly [readonly string[], JsonObject])[] = isJsonObject(nested)
    ? [
        [[], root],
        [['mcp'], nested],
      ]
    : [[[], root]];
  for (const [prefix, holder] of holders) {
    for (const name of ['mcpServers', 'servers']) {
      const entries = holder[name];
      if (entries === undefined) continue;
      const key = [...prefix, name];
      if (isJsonObject(entries)) found.push({ key, entries });
      else diagnostics.error('CONFIG_INVALID', key, 'must be an object: server name -> settings');
    }
  }
  if (found.length === 0) diagnostics.error('CONFIG_INVALID', [], 'has neither "mcpServers" nor "servers"');
  return found;
}

const TOP_LEVEL = ['mcpServers', 'servers', 'inputs', 'mcp', 'ferromcp', '$schema'];

function warnOfUnknownKeys(root: JsonObject, diagnostics: Diagnostics): void {
  for (const key of Object.keys(root)) {
    if (TOP_LEVEL.includes(key)) continue;
    const guess = suggest(key, TOP_LEVEL);
    const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
    diagnostics.warn(
      'CONFIG_UNKNOWN_KEY',
      [key],
      `unknown key ${JSON.stringify(key.slice(0, 100))} is ignored${hint}`,
      {
        key: true,
      },
    );
  }
}
