import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveLimits } from '../../../src/core/limits.ts';
import { accessPolicy } from '../../../src/transports/http/access.ts';
import { type AccessPolicy, refuseRequest } from '../../../src/transports/http/guard.ts';

const LOOPBACK = accessPolicy({}, resolveLimits());
const PUBLIC = accessPolicy(
  {
    host: '0.0.0.0',
    insecurePublic: true,
    allowedHosts: ['Server.example'],
    allowedOrigins: ['https://app.example'],
  },
  resolveLimits(),
);
const OPEN = accessPolicy({ host: '0.0.0.0', insecurePublic: true }, resolveLimits());

const judge = (
  fields: readonly (readonly [string, string])[],
  policy: AccessPolicy = LOOPBACK,
  target = '/mcp',
): string | undefined => refuseRequest(fields.flat(), target, policy);

describe('the guard', () => {
  it('lets a sound request in', () => {
    expect(judge([['Host', 'localhost:3000']])).toBeUndefined();
    expect(
      judge([
        ['host', '[::1]'],
        ['ORIGIN', 'http://localhost'],
      ]),
    ).toBeUndefined();
    expect(judge([['Host', 'server.example:1']], PUBLIC)).toBeUndefined();
    expect(
      judge(
        [
          ['Host', 'server.example'],
          ['Origin', 'https://app.example'],
        ],
        PUBLIC,
      ),
    ).toBeUndefined();
    expect(judge([['Host', 'anything.example']], OPEN)).toBeUndefined();
  });

  it('A04 counts lines before it looks at any', () => {
    const padding = (count: number) => Array.from({ length: count }, (_, i) => [`x${i}`, ''] as const);
    expect(judge([...padding(99), ['Host', 'localhost']])).toBeUndefined();
    expect(judge([...padding(100), ['Host', 'localhost']])).toBe('HTTP_HEADERS_TOO_MANY');
    expect(judge([['Host', 'evil.example'], ...padding(100)])).toBe('HTTP_HEADERS_TOO_MANY');
  });

  it('A05 compares an absolute target with Host', () => {
    const at = (target: string, host = 'localhost:80') => judge([['Host', host]], LOOPBACK, target);
    expect(at('http://localhost:80/mcp')).toBeUndefined();
    expect(at('HTTP://LOCALHOST:80/mcp')).toBeUndefined();
    for (const target of [
      'http://evil.example/mcp',
      'http://localhost/mcp',
      'http://a@localhost:80/',
      '*',
      'mcp',
      '',
    ])
      expect(at(target), target).toBe('HTTP_TARGET');
    // Agreeing on a foreign name is no way in.
    expect(at('http://evil.example/', 'evil.example')).toBe('HOST_REFUSED');
  });

  it('D01 off loopback a page on the visitor machine is foreign', () => {
    expect(
      judge(
        [
          ['Host', 'server.example'],
          ['Origin', 'http://localhost'],
        ],
        PUBLIC,
      ),
    ).toBe('ORIGIN_REFUSED');
    expect(
      judge(
        [
          ['Host', 'x'],
          ['Origin', 'null'],
        ],
        OPEN,
      ),
    ).toBe('ORIGIN_REFUSED');
  });

  it('D02 lets no host in but those of the list, whatever is sent', () => {
    const allowed = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
    const hostile = fc.oneof(
      fc.string(),
      fc.webAuthority(),
      fc.ipV4Extended(),
      fc.ipV6().map((ip) => `[${ip}]`),
      fc
        .tuple(fc.constantFrom('localhost', '127.0.0.1', '[::1]'), fc.string({ maxLength: 6 }))
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(hostile, (host) => {
        const refused = judge([['Host', host]]);
        if (allowed.test(host)) expect(refused).toBeUndefined();
        else expect(refused).toBe('HOST_REFUSED');
      }),
      { numRuns: 2_000 },
    );
  });

  it('D01 lets no origin in but loopback ones, whatever is sent', () => {
    const allowed = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;
    const hostile = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc
        .tuple(
          fc.constantFrom('http://localhost', 'https://127.0.0.1', 'http://[::1]'),
          fc.string({ maxLength: 8 }),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(hostile, (origin) => {
        const refused = judge([
          ['Host', 'localhost'],
          ['Origin', origin],
        ]);
        if (allowed.test(origin)) expect(refused).toBeUndefined();
        else expect(refused).toBe('ORIGIN_REFUSED');
      }),
      { numRuns: 2_000 },
    );
  });

  it('A03 refuses any field of the protocol that is there twice, in any case and any place', () => {
    const single = fc.constantFrom(
      'host',
      'origin',
      'authorization',
      'content-type',
      'content-length',
      'content-encoding',
      'last-event-id',
      'mcp-session-id',
      'mcp-method',
      'mcp-name',
      'mcp-protocol-version',
      'mcp-param-region',
      'mcp-something-new',
    );
    const cased = (name: string) =>
      fc
        .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
        .map((upper) =>
          [...name].map((letter, i) => (upper[i] === true ? letter.toUpperCase() : letter)).join(''),
        );
    const spelled = single.chain((name) => fc.tuple(cased(name), cased(name)));
    const other = fc.array(
      fc.tuple(fc.constantFrom('x-a', 'accept', 'cookie', 'x-mcp-y'), fc.constant('v')),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(spelled, other, other, ([first, second], before, between) => {
        const fields: [string, string][] = [
          ...(first.toLowerCase() === 'host' ? [] : [['Host', 'localhost'] as [string, string]]),
          ...before,
          [first, 'localhost'],
          ...between,
          [second, 'localhost'],
        ];
        expect(judge(fields)).toBe('HTTP_HEADER_DUPLICATE');
      }),
    );
  });

  it('lets other fields be repeated', () => {
    expect(
      judge([
        ['Host', 'localhost'],
        ['Accept', 'a'],
        ['Accept', 'b'],
        ['X-A', '1'],
        ['X-A', '2'],
      ]),
    ).toBeUndefined();
  });
});

describe('the policy of a listener', () => {
  it.each(['0.0.0.0', '::', '192.168.0.1', 'example.com', ''])(
    'D04 %j without a word -> LISTEN_INSECURE',
    (host) => {
      expect(() => accessPolicy({ host }, resolveLimits())).toThrow(
        expect.objectContaining({ code: 'LISTEN_INSECURE' }),
      );
    },
  );
  it('D04 on loopback a list adds to the loopback names, off loopback it stands for itself', () => {
    const { hosts } = accessPolicy({ allowedHosts: ['Dev.Example'] }, resolveLimits());
    expect([...(hosts ?? [])].sort()).toEqual(['127.0.0.1', '[::1]', 'dev.example', 'localhost']);
    expect(PUBLIC.hosts).toEqual(new Set(['server.example']));
    expect(OPEN.hosts).toBeUndefined();
  });
});
