/**
 * Thousands of spoiled requests to the front in Rust and to the one on node:http. Where they see different requests in
 * the same bytes, something between them and a proxy could be smuggled past; so every difference must be explained.
 * FERROMCP_DIFFERENTIAL_CASES and FERROMCP_DIFFERENTIAL_SEED ask for more, and for others.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../src/native/loader.ts';
import { createServer, type Listening } from '../../src/server/index.ts';
import { RawConnection } from './harness/raw-connection.ts';
import { atSoundEnds, spoiledRequest } from './harness/spoiled-requests.ts';

const DEFAULT_CASES = 2_000;
const CASES = Number(process.env['FERROMCP_DIFFERENTIAL_CASES'] ?? DEFAULT_CASES);
const SEED = Number(process.env['FERROMCP_DIFFERENTIAL_SEED'] ?? 1);
const AT_A_TIME = 16;
/** Follows every case on its connection: tells where the server believes that the case ends. */
const SENTINEL = Buffer.from('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');

/** Statuses of the responses on one connection, until the server closed it. */
type Verdict = readonly number[];

/** Sends the pieces one by one, each after the answer to the one before, and then the sentinel. */
async function ask(port: number, pieces: readonly Buffer[]): Promise<Verdict> {
  const connection = await RawConnection.open(port);
  const statuses: number[] = [];
  const waiting = [...pieces, SENTINEL];
  try {
    for (;;) {
      const next = waiting.shift();
      if (next !== undefined) connection.write(next);
      await connection.until('an answer or the end', () => connection.closed || connection.size > 0);
      if (connection.closed && connection.size === 0) return statuses;
      statuses.push((await connection.response()).status);
    }
  } finally {
    connection.destroy();
  }
}

/**
 * What one may say of a broken request before the other has seen what else is wrong with it: syntax, a method that is
 * no request to a resource, and the end of the patience with one that may go on.
 */
const LATER: ReadonlySet<number> = new Set([400, 405, 408]);

const refused = (status: number): boolean => status >= 400;

/**
 * The same requests with the same outcome, as far as both went: one may close where the other goes on, and refuse a
 * broken request by its syntax where the other judges its target, media type or size.
 */
function agree(native: Verdict, node: Verdict): boolean {
  const both = Math.min(native.length, node.length);
  for (let at = 0; at < both; at += 1) {
    const [a = 0, b = 0] = [native[at], node[at]];
    if (a !== b && !(refused(a) && refused(b) && (LATER.has(a) || LATER.has(b)))) return false;
  }
  const last = native.length < node.length ? native.at(-1) : node.at(-1);
  // Closed without a word is a refusal.
  return native.length === node.length || last !== undefined || refused((native[0] ?? node[0]) || 0);
}

interface Difference {
  readonly reason: string;
  /** Not among the default cases. */
  readonly rare?: true;
  readonly applies: (text: string, native: Verdict, node: Verdict) => boolean;
}

const onlyNativeRefuses = (native: Verdict): boolean => native.at(-1) === 400;

const EXPLAINED: readonly Difference[] = [
  {
    reason: 'Node answers 417 to an Expect it does not know; RFC 9110, 10.1.1 also lets a server ignore it',
    applies: (text, _native, node) => /\nExpect:/i.test(text) && node.includes(417),
  },
  {
    reason: 'a lone CR or LF in front of the request line: Node skips it',
    applies: (text, native) => /(^|[\]}])(\r(?!\n)|\n)/.test(text) && onlyNativeRefuses(native),
  },
  {
    reason: 'more than one space in the request line: Node takes it for one',
    applies: (text, native) => /^\S* {2,}|^\S+ \S+ {2,}HTTP/m.test(text) && onlyNativeRefuses(native),
  },
  {
    reason: 'HTTP/0.9 and HTTP/2.0 in a request line of HTTP/1: Node takes them',
    applies: (text, native) => / HTTP\/(0\.9|2\.0)\r/.test(text) && onlyNativeRefuses(native),
  },
  {
    reason: 'a chunked body under HTTP/1.0, whose framing is faulty (RFC 9112, 6.1): Node takes it',
    rare: true,
    applies: (text, native) =>
      / HTTP\/1\.0\r/.test(text) && /\nTransfer-Encoding:/i.test(text) && onlyNativeRefuses(native),
  },
  {
    reason: 'a transfer coding other than chunked: Node answers requests without a body before it looks',
    applies: (text, native) => /\nTransfer-Encoding:(?! ?chunked\r)/i.test(text) && onlyNativeRefuses(native),
  },
];

describe.skipIf(!loadNative().status.loaded)('the native front against the one on node:http', () => {
  const fronts = ['native', 'node'] as const;
  const servers = fronts.map(() =>
    createServer({
      name: 'differential',
      version: '1.0.0',
      limits: { headersMs: 300, requestMs: 400, idleMs: 400, connectionCheckMs: 50 },
    }).tool('echo', { input: { type: 'object' } }, (args) => JSON.stringify(args)),
  );
  let listening: Listening[];
  beforeAll(async () => {
    listening = await Promise.all(
      servers.map((server, index) => server.listen({ port: 0, front: fronts[index] ?? 'native' })),
    );
  });
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  const askBoth = (pieces: readonly Buffer[]): Promise<Verdict[]> =>
    Promise.all(listening.map(({ port }) => ask(port, pieces)));

  it(
    `A01, A02, A03, A05 and their neighbours: ${CASES} spoiled requests are judged alike`,
    async () => {
      const unexplained: unknown[] = [];
      const seen = new Map<string, number>();
      const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
      let next = 0;
      const judge = async (number: number): Promise<void> => {
        const bytes = spoiledRequest(SEED, number);
        const pieces = atSoundEnds(bytes);
        let [native = [], node = []] = await askBoth([bytes]);
        // Node forgets the answer it has not given yet when broken bytes come behind; so they are held back.
        if (!agree(native, node) && pieces.length > 1) [native = [], node = []] = await askBoth(pieces);
        if (agree(native, node)) {
          count(refused(native[0] ?? 400) ? 'both refuse' : 'both accept');
          return;
        }
        const text = bytes.toString('latin1');
        const known = EXPLAINED.find(({ applies }) => applies(text, native, node));
        if (known === undefined) unexplained.push({ number, text, native, node });
        else count(known.reason);
      };
      const work = async (): Promise<void> => {
        while (next < CASES) {
          next += 1;
          await judge(next);
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, work));
      expect(unexplained).toEqual([]);
      // Spoiled too little or too much, nothing would be compared.
      expect(seen.get('both accept') ?? 0).toBeGreaterThan(CASES / 10);
      expect(seen.get('both refuse') ?? 0).toBeGreaterThan(CASES / 4);
      if (CASES < DEFAULT_CASES || SEED !== 1) return;
      expect(EXPLAINED.filter(({ reason, rare }) => rare !== true && !seen.has(reason))).toEqual([]);
    },
    60_000 + CASES * 60,
  );
});
