// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the page shows variables as the user writes them
import {
  FOREIGN_ENTRY_KEYS,
  GATEWAY_SECTION_SCHEMA,
  type OptionSchema,
  SERVER_ENTRY_KEYS,
  SERVER_SECTION_SCHEMA,
} from './schema.ts';

/** The reference page of the configuration file, in Markdown, made from the schema. */
export function configurationReference(): string {
  const own = Object.entries(SERVER_SECTION_SCHEMA.properties ?? {});
  const common = GATEWAY_SECTION_SCHEMA.properties ?? {};
  return [
    '# Configuration file',
    '',
    'The gateway reads the files of Claude Desktop, Cursor and other tools (`mcpServers`) and of VS Code (`servers`) as they',
    'are. JSON may have comments and trailing commas; `.yaml` and `.yml` files are YAML. Our own options stand in sections',
    'named `ferromcp`: one at the top for all servers, one in each server. There, unknown keys are refused.',
    '',
    '```jsonc',
    '{',
    '  "mcpServers": {',
    '    "files": {',
    '      "command": "npx",',
    '      "args": ["-y", "@modelcontextprotocol/server-filesystem", "${workspaceFolder}/docs"],',
    '      "ferromcp": { "timeoutMs": 20000, "tools": { "deny": ["write_*"] } }',
    '    },',
    '    "search": { "url": "https://example.com/mcp", "headers": { "Authorization": "Bearer ${SEARCH_TOKEN}" } }',
    '  },',
    '  "ferromcp": { "startMs": 10000 }',
    '}',
    '```',
    '',
    '## Keys of a server',
    '',
    '| Key | Meaning |',
    '| --- | --- |',
    ...Object.entries(SERVER_ENTRY_KEYS).map(([key, text]) => `| \`${key}\` | ${cell(text)} |`),
    '',
    `Keys of other tools are ignored: ${[...FOREIGN_ENTRY_KEYS].map((key) => `\`${key}\``).join(', ')}. Any other key gives a warning.`,
    '',
    '## Variables',
    '',
    '| Text | Becomes |',
    '| --- | --- |',
    '| `${NAME}`, `${env:NAME}` | the environment variable; it is an error (CONFIG_VARIABLE) when it is not set |',
    '| `${NAME:-text}` | the same, or `text` when it is not set or empty |',
    '| `${input:id}` | the environment variable `FERROMCP_INPUT_ID` (VS Code would ask for it) |',
    '| `${workspaceFolder}` | the folder of the file; the one above for files in `.vscode`, `.cursor` and the like |',
    '| `${configFolder}` | the folder of the file |',
    '| `${userHome}`, `${cwd}` | home folder of the user, working folder of the gateway |',
    '| `${stateDir}` | the folder for state, see `stateDir` |',
    '',
    'They work in `command`, `args`, `env`, `envFile`, `cwd`, `url`, `headers` and `ferromcp.stateDir`.',
    '',
    '## Section `ferromcp`',
    '',
    '| Key | Where | Type | Default | Meaning |',
    '| --- | --- | --- | --- | --- |',
    ...own.flatMap(([key, schema]) => rows(key, schema, Object.hasOwn(common, key) ? 'both' : 'server')),
    ...Object.entries(common)
      .filter(([key]) => !own.some(([name]) => name === key))
      .flatMap(([key, schema]) => rows(key, schema, 'top')),
    '',
  ].join('\n');
}

function rows(key: string, schema: OptionSchema, where: string): readonly string[] {
  const unit = schema['x-unit'] === undefined ? '' : ` (${schema['x-unit']})`;
  const range = schema.minimum === undefined ? '' : ` ${schema.minimum}–${schema.maximum ?? '∞'}`;
  const type = schema.enum?.map((item) => `\`${item}\``).join(', ') ?? `${schema.type}${unit}${range}`;
  const fallback = schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``;
  return [
    `| \`${key}\` | ${where} | ${cell(type)} | ${fallback} | ${cell(schema.description)} |`,
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
      rows(`${key}.${name}`, inner, where),
    ),
  ];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
