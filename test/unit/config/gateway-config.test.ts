// biome-ignore-all lint/suspicious/noTemplateCurlyInString: configuration files are full of them
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type FerroError, isFerroError } from '../../../src/core/errors.ts';
import {
  configurationReference,
  DEFAULT_UPSTREAM_OPTIONS,
  defaultStateDirectory,
  parseGatewayConfig,
  readGatewayConfig,
} from '../../../src/runtime/config/index.ts';

const env = { TOKEN: 's3cret', EMPTY: '', FERROMCP_INPUT_API_KEY: 'from-env' };
const parse = (text: unknown, path = '/cfg/mcp.json') =>
  parseGatewayConfig(typeof text === 'string' ? text : JSON.stringify(text), path, { env });

function failure(run: () => unknown): FerroError {
  try {
    run();
  } catch (error) {
    if (isFerroError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('files of other tools, unchanged', () => {
  it('reads a Claude Desktop file', () => {
    const config = parse({
      globalShortcut: 'Ctrl+Space',
      mcpServers: {
        filesystem: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', '/home/me'] },
        brave: { command: 'docker', args: ['run', '-i'], env: { BRAVE_API_KEY: 'k', PORT: 80 } },
      },
    });
    expect(config.servers.map((server) => [server.name, server.target])).toEqual([
      [
        'filesystem',
        {
          kind: 'stdio',
          command: 'npx',
          args: ['-y', '@modelcontextprotocol/server-filesystem', '/home/me'],
          env: {},
        },
      ],
      [
        'brave',
        { kind: 'stdio', command: 'docker', args: ['run', '-i'], env: { BRAVE_API_KEY: 'k', PORT: '80' } },
      ],
    ]);
    expect(config.servers[0]?.options).toEqual(DEFAULT_UPSTREAM_OPTIONS);
    expect(config.warnings.map((warning) => warning.path)).toEqual(['globalShortcut']);
  });

  it('reads Cursor, Cline and Windsurf files with comments, foreign keys and switched-off servers', () => {
    const config = parse(`{
      // a comment
      "mcpServers": {
        "a": { "url": "https://a.example/mcp", "headers": { "Authorization": "Bearer \${env:TOKEN}" },
               "autoApprove": ["x"], "alwaysAllow": [], "timeout": 60, "description": "d" },
        "b": { "serverUrl": "http://127.0.0.1:9/sse", "type": "sse" },
        "c": { "command": "x", "disabled": true },
        "d": { "command": "x", "enabled": false, "env": { "A": "\${UNSET_HERE}" } },
        "e": { "command": "x", "disabledTools": ["rm"], "transport": "stdio", },
      },
    }`);
    expect(config.servers.map((server) => server.name)).toEqual(['a', 'b', 'e']);
    expect(config.servers[0]?.target).toEqual({
      kind: 'http',
      url: 'https://a.example/mcp',
      headers: { Authorization: 'Bearer s3cret' },
      transport: 'auto',
    });
    expect(config.servers[1]?.target).toMatchObject({ kind: 'http', transport: 'sse' });
    expect(config.servers[2]?.options.tools).toEqual({ deny: ['rm'] });
    expect(config.warnings).toEqual([]);
  });

  it('reads a VS Code file; prompts come from the environment', () => {
    const file = {
      inputs: [{ type: 'promptString', id: 'api-key', password: true }],
      servers: {
        a: {
          type: 'stdio',
          command: 'x',
          args: ['${input:api-key}', '${workspaceFolder}/src'],
          gallery: true,
          dev: {},
        },
        b: { type: 'http', url: 'https://b.example/mcp' },
      },
    };
    const config = parse(file, '/repo/.vscode/mcp.json');
    expect(config.servers[0]?.target).toMatchObject({ args: ['from-env', '/repo/src'] });
    expect(config.servers[1]?.target).toMatchObject({ transport: 'streamable-http' });
    const error = failure(() =>
      parseGatewayConfig(JSON.stringify(file, undefined, 2), '/m.json', { env: {} }),
    );
    expect(error.code).toBe('CONFIG_VARIABLE');
    expect(error.message).toContain('/m.json:14:9: ');
    expect(error.message).toContain('FERROMCP_INPUT_API_KEY');
  });

  it('reads YAML with positions', () => {
    const text =
      'mcpServers:\n  a:\n    command: node\n    args: [x.js]\n    ferromcp:\n      timeoutMss: 5\n';
    expect(parse(text.replace('timeoutMss', 'timeoutMs'), '/m.yaml').servers[0]?.options.timeoutMs).toBe(5);
    const error = failure(() => parse(text, '/m.yaml'));
    expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
    expect(error.message).toContain('/m.yaml:6:7: unknown key "timeoutMss"; did you mean "timeoutMs"?');
  });
});

describe('our own options', () => {
  it('takes top-level defaults, then those of the server', () => {
    const config = parse({
      mcpServers: {
        a: { command: 'x', ferromcp: { timeoutMs: 1, prefix: 'alpha', tools: { deny: ['w_*'] } } },
        b: { command: 'x' },
      },
      ferromcp: { timeoutMs: 2, lanes: 7, stateDir: 'state' },
    });
    expect(config.servers.map((server) => [server.options.timeoutMs, server.options.lanes])).toEqual([
      [1, 7],
      [2, 7],
    ]);
    expect(config.servers[0]?.options.prefix).toBe('alpha');
    expect(config.stateDir).toBe('/cfg/state');
  });

  it('refuses unknown keys, wrong types and ranges, all at once, with their places', () => {
    const error = failure(() =>
      parse(`{ "mcpServers": { "a": { "command": "x",
        "ferromcp": { "timeoutMs": -1, "prefx": "a", "tools": { "alow": [] }, "era": "new" } } } }`),
    );
    expect(error.message).toContain('did you mean "prefix"');
    expect(error.message).toContain('did you mean "allow"');
    expect(error.message).toContain('auto, legacy, modern');
    const { problems } = error.data as { problems: { code: string; line: number; column: number }[] };
    expect(problems.map((problem) => problem.code).sort()).toEqual([
      'CONFIG_INVALID',
      'CONFIG_INVALID',
      'CONFIG_UNKNOWN_KEY',
      'CONFIG_UNKNOWN_KEY',
    ]);
    expect(problems.every((problem) => problem.line === 2 && problem.column > 1)).toBe(true);
  });

  it('warns of misspelt keys of a server instead of refusing the file', () => {
    const config = parse({ mcpServers: { a: { command: 'x', agrs: [] } } });
    expect(config.warnings).toMatchObject([
      { code: 'CONFIG_UNKNOWN_KEY', path: 'mcpServers.a.agrs', line: 1 },
    ]);
    expect(config.warnings[0]?.message).toContain('did you mean "args"');
  });

  it('documents every key', () => {
    const page = configurationReference();
    for (const key of Object.keys(DEFAULT_UPSTREAM_OPTIONS)) expect(page).toContain(`\`${key}\``);
    expect(page).toContain('| `timeoutMs` | both | integer (ms) 1–86400000 | `60000` |');
    expect(page).toContain('`tools.deny`');
  });
});

describe('variables', () => {
  const expand = (text: string) => {
    const target = parse({ mcpServers: { a: { command: 'x', args: [text] } } }).servers[0]?.target;
    return target?.kind === 'stdio' ? target.args[0] : undefined;
  };
  it.each([
    ['${TOKEN}', 's3cret'],
    ['a-${env:TOKEN}-b', 'a-s3cret-b'],
    ['${NOPE:-d}', 'd'],
    ['${env:NOPE:-}', ''],
    ['${EMPTY:-d}', 'd'],
    ['${EMPTY}', ''],
    ['$TOKEN ${not a name} ${', '$TOKEN ${not a name} ${'],
    ['${configFolder}', '/cfg'],
    ['${/}', '/'],
  ])('%s -> %s', (text, expected) => {
    expect(expand(text)).toBe(expected);
  });

  it('never expands a value again', () => {
    const config = parseGatewayConfig('{"mcpServers":{"a":{"command":"${X}"}}}', '/m.json', {
      env: { X: '${Y}', Y: 'no' },
    });
    expect(config.servers[0]?.target).toMatchObject({ command: '${Y}' });
  });

  it('names the line of an undefined variable and of an unsupported kind', () => {
    const error = failure(() =>
      parse('{"mcpServers":{"a":{"command":"x",\n"env":{"K":\n"${NOPE}","L":"${command:y}"}}}}'),
    );
    expect(error.code).toBe('CONFIG_VARIABLE');
    expect(error.message).toContain('/cfg/mcp.json:3:1: the environment variable NOPE is not set');
    expect(error.message).toContain('kind "command" are not supported');
  });
});

describe('bad files', () => {
  it.each([
    ['{', 'CONFIG_INVALID'],
    ['', 'CONFIG_INVALID'],
    ['[]', 'CONFIG_INVALID'],
    ['{}', 'CONFIG_INVALID'],
    ['{"mcpServers":[]}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":1}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"":{"command":"x"}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{"command":"x"},"a":{"command":"y"}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{"command":"x"}},"servers":{"a":{"command":"y"}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{"command":"x","url":"http://h"}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{"url":"file:///etc/passwd"}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{"url":"http://h","headers":{"A":"b\\r\\nC: d"}}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{"command":"x\\u0000y"}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{"command":"x","type":"ws"}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{"command":"x","args":"-y"}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{"command":"x","ferromcp":[]}}}', 'CONFIG_INVALID'],
    ['{"mcpServers":{"a":{"command":"x","envFile":"nope.env"}}}', 'CONFIG_NOT_FOUND'],
    [`{"a":${'['.repeat(100_000)}}`, 'CONFIG_INVALID'],
  ])('%s', (text, code) => {
    expect(failure(() => parse(text)).code).toBe(code);
  });

  it('C09 refuses __proto__ as a key and keeps prototypes as they are', () => {
    expect(failure(() => parse('{"mcpServers":{"__proto__":{"command":"x"}}}')).code).toBe('CONFIG_INVALID');
    const config = parse('{"mcpServers":{"constructor":{"command":"x","hasOwnProperty":1}}}');
    expect(config.servers.map((server) => server.name)).toEqual(['constructor']);
    expect(({} as Record<string, unknown>)['command']).toBeUndefined();
  });

  it('refuses YAML alias bombs and duplicate keys', () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((key, index) => `${key}: &${key} [${Array(9).fill(`*${'abcdefghi'[index]}`).join(',')}]`)
      .join('\n')}`;
    expect(failure(() => parse(bomb, '/m.yml')).code).toBe('CONFIG_INVALID');
    expect(
      failure(() => parse('servers:\n  a: {command: x}\n  a: {command: y}\n', '/m.yml')).message,
    ).toContain('/m.yml:3:');
  });

  it('never throws anything but a coded error', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    const key = fc.oneof(
      fc.constantFrom(
        'command',
        'args',
        'env',
        'url',
        'headers',
        'type',
        'ferromcp',
        'tools',
        'cwd',
        'prefix',
      ),
      fc.string(),
    );
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(key, tie('node'), { maxKeys: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), tree, { maxKeys: 3 }), tree, (servers, own) => {
        try {
          parse({ mcpServers: servers, ferromcp: own });
        } catch (error) {
          if (!isFerroError(error) || !error.code.startsWith('CONFIG_')) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ferromcp-config-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('resolves cwd and envFile from the folder of the file', () => {
    writeFileSync(join(folder, 'dev.env'), 'A=1\nB="two words"\n');
    writeFileSync(
      join(folder, 'mcp.json'),
      '\uFEFF{"mcpServers":{"a":{"command":"x","cwd":"sub","envFile":"dev.env","env":{"A":"own"}}}}',
    );
    const config = readGatewayConfig(join(folder, 'mcp.json'), { env: {} });
    expect(config.servers[0]?.target).toEqual({
      kind: 'stdio',
      command: 'x',
      args: [],
      env: { A: 'own', B: 'two words' },
      cwd: join(folder, 'sub'),
    });
  });

  it('says that a file is missing or not text', () => {
    expect(failure(() => readGatewayConfig(join(folder, 'none.json'))).code).toBe('CONFIG_NOT_FOUND');
    writeFileSync(join(folder, 'bad.json'), Buffer.from([0x7b, 0xff, 0x7d]));
    expect(failure(() => readGatewayConfig(join(folder, 'bad.json'))).message).toContain('UTF-8');
  });

  it('finds the state directory', () => {
    expect(defaultStateDirectory({ FERROMCP_STATE_DIR: '/s', XDG_STATE_HOME: '/x' })).toBe('/s');
    expect(defaultStateDirectory({ XDG_STATE_HOME: '/x' })).toBe('/x/ferromcp');
    expect(defaultStateDirectory({ XDG_STATE_HOME: 'relative' })).toMatch(/\.local[\\/]state[\\/]ferromcp$/);
  });
});
