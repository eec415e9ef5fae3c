/** HTTP/1.1 requests as bytes, sound and then spoiled where parsers have disagreed before. */
import { call, type HeaderLine, modernHeaders, modernRequest } from './messages.ts';
import { mulberry32 } from './random.ts';

type Random = (below: number) => number;

/** A request before it becomes bytes: every part can be spoiled on its own. */
interface Draft {
  method: string;
  target: string;
  version: string;
  lines: HeaderLine[];
  /** Each chunk of a chunked body; undefined = a body with a length. */
  chunks: string[] | undefined;
  body: string;
  trailers: string;
  lineEnd: string;
  before: string;
}

const NOTIFICATION = '{"jsonrpc":"2.0","method":"notifications/nothing"}';
const { body: ECHO, headers: ECHO_HEADERS } = call('echo', { text: 'ü' });

const MESSAGES: readonly { readonly body: string; readonly headers: Readonly<Record<string, string>> }[] = [
  { body: ECHO, headers: ECHO_HEADERS },
  { body: modernRequest(1, 'tools/list'), headers: modernHeaders('tools/list') },
  { body: modernRequest('a', 'server/discover'), headers: modernHeaders('server/discover') },
  { body: NOTIFICATION, headers: {} },
  { body: '{', headers: {} },
];

function draft(random: Random): Draft {
  const base: HeaderLine[] = [
    ['Host', '127.0.0.1'],
    ['Accept', 'application/json, text/event-stream'],
  ];
  const common = {
    version: 'HTTP/1.1',
    chunks: undefined,
    body: '',
    trailers: '',
    lineEnd: '\r\n',
    before: '',
  };
  if (random(6) === 0) {
    const [method, target] = pick(random, [
      ['GET', '/healthz'],
      ['GET', '/mcp'],
      ['DELETE', '/mcp'],
      ['OPTIONS', '/mcp'],
      ['PUT', '/mcp'],
      ['GET', '/readyz?x=1'],
    ] as const);
    return { ...common, method, target, lines: base };
  }
  const { body, headers } = pick(random, MESSAGES);
  const lines: HeaderLine[] = [...base, ['Content-Type', 'application/json'], ...Object.entries(headers)];
  if (random(3) === 0) {
    const cut = random(Buffer.byteLength(body) + 1);
    const bytes = Buffer.from(body);
    const chunks = [bytes.subarray(0, cut), bytes.subarray(cut)].filter((part) => part.length > 0);
    return {
      ...common,
      method: 'POST',
      target: '/mcp',
      lines: [...lines, ['Transfer-Encoding', 'chunked']],
      chunks: chunks.map((part) => `${part.length.toString(16)}\r\n${part.toString('latin1')}\r\n`),
    };
  }
  const length = String(Buffer.byteLength(body));
  return {
    ...common,
    method: 'POST',
    target: '/mcp',
    lines: [...lines, ['Content-Length', length]],
    body: Buffer.from(body).toString('latin1'),
  };
}

/** Values parsers have disagreed on, by the name they belong to. */
const LINES: readonly HeaderLine[] = [
  ['Host', '127.0.0.1'],
  ['Host', 'evil.example'],
  ['Host', ''],
  ['Content-Length', '0'],
  ['Content-Length', '5'],
  ['Content-Length', '+5'],
  ['Content-Length', '-1'],
  ['Content-Length', '5, 5'],
  ['Content-Length', '0x5'],
  ['Content-Length', '5 '],
  ['Content-Length', '18446744073709551616'],
  ['Content-Length', '99999999999'],
  ['Content-Length', ''],
  ['Transfer-Encoding', 'chunked'],
  ['Transfer-Encoding', 'Chunked'],
  ['Transfer-Encoding', 'chunked, chunked'],
  ['Transfer-Encoding', 'gzip, chunked'],
  ['Transfer-Encoding', 'chunked, identity'],
  ['Transfer-Encoding', 'identity'],
  ['Transfer-Encoding', 'xchunked'],
  ['Transfer-Encoding', '\tchunked'],
  ['Transfer-Encoding', 'chunked;q=1'],
  ['Transfer-Encoding', ''],
  ['Transfer_Encoding', 'chunked'],
  ['Content-Encoding', 'gzip'],
  ['Content-Encoding', 'identity'],
  ['Content-Type', 'text/plain'],
  ['Content-Type', 'application/json; charset=utf-8'],
  ['Connection', 'close'],
  ['Connection', 'keep-alive'],
  ['Connection', 'upgrade'],
  ['Connection', 'keep-alive, close'],
  ['Connection', 'content-length'],
  ['Proxy-Connection', 'close'],
  ['Upgrade', 'h2c'],
  ['Upgrade', 'websocket'],
  ['Expect', '100-continue'],
  ['Expect', '100-Continue, x'],
  ['Expect', 'nonsense'],
  ['Origin', 'http://localhost:1'],
  ['Origin', 'http://evil.example'],
  ['Accept', 'text/html'],
  ['Trailer', 'Host'],
  ['TE', 'trailers'],
  ['X-Long', 'x'.repeat(9_000)],
  ['X-Longer', 'x'.repeat(17_000)],
  ['X-High', '\u00e9\u00ff'],
  ['X-Empty', ''],
  ['X-Tab', 'a\tb'],
  ['X-Nul', 'a\0b'],
  ['X-Del', 'a\x7fb'],
  ['X-Bell', 'a\x07b'],
  ['X-Fold', 'a\r\n b'],
  ['X-Cr', 'a\rb'],
  ['X-Lf', 'a\nX-Smuggled: b'],
  ['', 'no name'],
  ['X Space', 'a'],
  ['X-Space ', 'a'],
  ['\tX-Tab', 'a'],
  [' X-Indent', 'a'],
  ['X-\u00e9', 'a'],
  ['X:Y', 'a'],
  ['X(Y)', 'a'],
  ['X_Y', 'a'],
  ['Mcp-Session-Id', 'unknown'],
  ['mcp-protocol-version', '2025-11-25'],
];

const METHODS = [
  'GET',
  'POST',
  'DELETE',
  'PUT',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'post',
  'POST ',
  'PO ST',
  'PO\tST',
  'M-SEARCH',
  'PRI',
  'QUERY',
  'X',
  '',
  'P\u00d6ST',
  '(POST)',
];
const TARGETS = [
  '/mcp',
  '/MCP',
  '//mcp',
  '/mcp/',
  '/mcp?x=1',
  '/mcp#x',
  '/%6dcp',
  '/mcp%00',
  '/mcp/../mcp',
  '/./mcp',
  '*',
  'mcp',
  '',
  '/m cp',
  '/m\tcp',
  '/mcp\u00e9',
  '/mcp"<>',
  '/mcp\\',
  'http://127.0.0.1/mcp',
  'HTTP://127.0.0.1/mcp',
  'http://evil.example/mcp',
  'http://127.0.0.1',
  'http://a@127.0.0.1/mcp',
  'https://127.0.0.1/mcp',
  'ftp://127.0.0.1/mcp',
  '127.0.0.1:80',
  `/${'x'.repeat(9_000)}`,
  '/mcp\x7f',
  '/mcp\x01',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/1.2',
  'HTTP/1.10',
  'http/1.1',
  'HTTP/1',
  'HTTP/ 1.1',
  'HTTP/1.1 ',
  ' HTTP/1.1',
  'HTTP/01.1',
  'HTTPS/1.1',
  '',
];
const SIZES = [
  '0',
  '00',
  '1',
  '5',
  'A',
  'a',
  '0x5',
  '+5',
  '-5',
  ' 5',
  '5 ',
  '5;x=y',
  '5;x="y"',
  '5;',
  '5;\tx',
  `5;${'x'.repeat(300)}`,
  `5;${'x'.repeat(20_000)}`,
  '000000000000000000005',
  'FFFFFFFFFFFFFFFF',
  '10000000000000000',
  'G',
  '',
  '5\n',
  '5\r',
  '5\0',
  '5 ;x',
];
const BEFORE = ['\r\n', '\r\n\r\n', '\n', ' ', '\0', '\r', 'GET / HTTP/1.1\r\n\r\n', '\ufeff'];
const TRAILERS = [
  'X-T: a\r\n',
  'Host: evil.example\r\n',
  'Content-Length: 5\r\n',
  'X-T a\r\n',
  'X-T: a\n',
  ' X-T: a\r\n',
  `X-T: ${'a'.repeat(17_000)}\r\n`,
  'X-T:a\r\nX-U:b\r\n',
  '\0',
];

function pick<T>(random: Random, from: readonly [T, ...T[]] | readonly T[]): T {
  const one = from[random(from.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}

type Spoiling = (draft: Draft, random: Random) => void;

const SPOILINGS: readonly Spoiling[] = [
  (d, random) => {
    d.method = pick(random, METHODS);
  },
  (d, random) => {
    d.target = pick(random, TARGETS);
  },
  (d, random) => {
    d.version = pick(random, VERSIONS);
  },
  (d, random) => void d.lines.splice(random(d.lines.length + 1), 0, pick(random, LINES)),
  (d, random) => void d.lines.splice(random(d.lines.length + 1), 0, pick(random, LINES)),
  (d, random) => void d.lines.splice(random(d.lines.length), 1, pick(random, LINES)),
  (d, random) => void d.lines.splice(random(d.lines.length), 1),
  (d, random) => {
    const at = random(d.lines.length);
    const line = d.lines[at];
    if (line !== undefined) d.lines.push(random(2) === 0 ? line : [line[0].toUpperCase(), line[1]]);
  },
  (d, random) => {
    for (let count = 95 + random(12); count > 0; count -= 1) d.lines.push([`X-Pad-${count}`, 'x']);
  },
  (d, random) => {
    d.before = pick(random, BEFORE);
  },
  (d, random) => {
    if (random(3) === 0) d.lineEnd = pick(random, ['\n', '\r', '\r\r\n']);
  },
  (d, random) => {
    if (d.chunks === undefined) d.body += pick(random, ['\r\n', 'x', '{}', '\0']);
    else d.chunks.splice(random(d.chunks.length + 1), 0, `${pick(random, SIZES)}\r\n     \r\n`);
  },
  (d, random) => {
    if (d.chunks !== undefined && d.chunks.length > 0) {
      const at = random(d.chunks.length);
      d.chunks[at] = (d.chunks[at] ?? '').replace(
        '\r\n',
        pick(random, ['\n', '\r', ' \r\n', ';a\r\n', '\r\n\r\n']),
      );
    }
  },
  (d, random) => {
    if (d.chunks !== undefined) d.trailers = pick(random, TRAILERS);
  },
];

function bytesOf(d: Draft): Buffer {
  const head = [
    `${d.method} ${d.target} ${d.version}`,
    ...d.lines.map(([name, value]) => `${name}: ${value}`),
  ];
  const body = d.chunks === undefined ? d.body : `${d.chunks.join('')}0\r\n${d.trailers}\r\n`;
  return Buffer.from(`${d.before}${head.join(d.lineEnd)}${d.lineEnd}${d.lineEnd}${body}`, 'latin1');
}

/** One byte changed, dropped, doubled or put in. */
function damage(bytes: Buffer, random: Random): Buffer {
  const at = random(bytes.length);
  const put = Buffer.from([pick(random, [0, 9, 10, 13, 32, 34, 44, 48, 58, 59, 127, 128, 255, random(256)])]);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random(4)) {
    case 0:
      return Buffer.concat([before, put, after.subarray(1)]);
    case 1:
      return Buffer.concat([before, after.subarray(1)]);
    case 2:
      return Buffer.concat([before, after.subarray(0, 1), after]);
    default:
      return Buffer.concat([before, put, after]);
  }
}

/** The request with this number; always the same for a seed. */
export function spoiledRequest(seed: number, number: number): Buffer {
  const random = mulberry32(Math.imul(seed, 0x9e3779b1) + number);
  const one = draft(random);
  for (let count = random(4); count > 0; count -= 1) pick(random, SPOILINGS)(one, random);
  let bytes = bytesOf(one);
  if (random(3) === 0) bytes = damage(bytes, random);
  return bytes;
}

/** The bytes cut behind every request that is sound enough to have an end nobody doubts. */
export function atSoundEnds(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const end = soundEnd(rest);
    if (end === undefined || end >= rest.length) return [...pieces, rest];
    pieces.push(rest.subarray(0, end));
    rest = rest.subarray(end);
  }
}

function soundEnd(bytes: Buffer): number | undefined {
  // Empty lines in front of a request are skipped (RFC 9112, 2.2).
  let start = 0;
  while (bytes.indexOf('\r\n', start) === start) start += 2;
  const blank = bytes.indexOf('\r\n\r\n', start);
  if (blank < 0) return undefined;
  const lines = bytes.toString('latin1', start, blank).split('\r\n').slice(1);
  if (lines.some((line) => !/^[\w-]+:/.test(line) || /^transfer-encoding:/i.test(line))) return undefined;
  const lengths = lines.filter((line) => /^content-length:/i.test(line));
  const length = /^content-length: (\d{1,6})$/i.exec(lengths[0] ?? 'Content-Length: 0')?.[1];
  return lengths.length > 1 || length === undefined ? undefined : blank + 4 + Number(length);
}
