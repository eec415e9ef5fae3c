/** Upstreams of the legacy era that ask in the middle of a call: whom, when, for how long. */
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/core/json.ts';
import type { InputResponses } from '../../src/core/mcp.ts';
import type { Principal } from '../../src/core/principal.ts';
import { type InputRequired, isInputRequired } from '../../src/protocol/input-required.ts';
import { eventually } from '../unit/client/support.ts';
import { context, type HandMadeContext, startGateway, type TestGateway } from '../unit/gateway/harness.ts';

/** Asks, logs and remembers; tells which process it is. */
const ASKER = `
const readline = require('node:readline');
const send = (m) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\\n');
const waiting = new Map();
let next = 1;
const ask = (method, params) => new Promise((resolve) => { const id = 'q' + next++; waiting.set(id, resolve); send({ id, method, params }); });
const names = ['needs', 'ask', 'pid', 'slow', 'background', 'log', 'url-required', 'bad-question'];
const requestedSchema = { type: 'object', properties: { v: { type: 'string' } } };
let opened = false;
readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, method, params, result, error } = JSON.parse(line);
  if (method === undefined) { waiting.get(id)?.({ result, error }); return; }
  if (method === 'initialize') return send({ id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {}, logging: {} }, serverInfo: { name: 'asker', version: '1' } } });
  if (method === 'tools/list') return send({ id, result: { tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })) } });
  if (method === 'logging/setLevel') return send({ id, result: {} });
  if (method === 'notifications/cancelled') { process.stderr.write('cancelled\\n'); return; }
  if (method !== 'tools/call') return;
  const text = (value) => send({ id, result: { content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }] } });
  const args = params.arguments;
  switch (params.name) {
    case 'needs': { const { error } = await ask('sampling/createMessage', { messages: [], maxTokens: 1 }); return send(error === undefined ? { id, result: { content: [] } } : { id, error: { code: -32603, message: error.message } }); }
    case 'pid': return text(String(process.pid));
    case 'slow': setTimeout(() => text(String(process.pid)), args.ms); return;
    case 'ask': { const answers = []; for (let i = 0; i < (args.times ?? 1); i++) answers.push(await ask('elicitation/create', { message: 'm' + i, requestedSchema })); return text({ pid: process.pid, answers }); }
    case 'background': setTimeout(async () => process.stderr.write('background ' + JSON.stringify(await ask('roots/list')) + '\\n'), args.ms); return text('later');
    case 'log': send({ method: 'notifications/message', params: { level: 'info', data: args.text } }); return text('logged');
    case 'bad-question': return text(await ask('elicitation/create', { mode: 'url', message: 'm', url: 'javascript:alert(1)', elicitationId: '1' }));
    case 'url-required':
      if (opened) return text('thanks');
      opened = true;
      return send({ id, error: { code: -32042, message: 'URL needed', data: { elicitations: [{ mode: 'url', elicitationId: 'e1', url: 'https://auth.example/x', message: 'Sign in' }] } } });
  }
});
`;

const ada: Principal = { id: 'ada', kind: 'token', scopes: [] };
const bob: Principal = { id: 'bob', kind: 'token', scopes: [] };

async function start(options: object = {}, limits: object = {}) {
  const gateway = startGateway(
    {
      up: {
        target: { kind: 'stdio', command: process.execPath, args: ['-e', ASKER], env: {} },
        options: { era: 'legacy', ...options },
      },
    },
    {},
    limits,
  );
  await gateway.upstreams.pending();
  return gateway;
}

/** One round of a call. */
async function round(gateway: TestGateway, name: string, ctx: HandMadeContext, args: JsonObject = {}) {
  const entry = gateway.server.registry.tools.get(`up__${name}`);
  if (entry === undefined) throw new Error(`no tool ${name}`);
  return await entry.call(args, ctx);
}

const text = (result: unknown): string => {
  if (isInputRequired(result)) throw new Error('wants input');
  const [block] = (result as { content: { text: string }[] }).content;
  return block?.text ?? '';
};

function asked(result: unknown): InputRequired {
  if (!isInputRequired(result)) throw new Error(`a result: ${JSON.stringify(result)}`);
  return result;
}

const accept = (
  question: InputRequired,
  v: string,
): { inputResponses: InputResponses; inputState: JsonValue } => ({
  inputResponses: Object.fromEntries(
    Object.keys(question.inputRequests).map((key) => [key, { action: 'accept', content: { v } }]),
  ),
  inputState: question.state ?? null,
});

const inFlight = (gateway: TestGateway): number => gateway.upstreams.states()[0]?.inFlight ?? -1;

describe('a parked call', () => {
  it('goes on with each answer until it has its result', async () => {
    const gateway = await start();
    const first = asked(await round(gateway, 'ask', context({ peerKey: 'r1' }), { times: 2 }));
    expect(Object.values(first.inputRequests)).toMatchObject([
      { method: 'elicitation/create', params: { message: 'm0' } },
    ]);
    expect(inFlight(gateway)).toBe(0);
    const second = asked(await round(gateway, 'ask', context({ peerKey: 'r2', ...accept(first, 'a') })));
    const done = text(await round(gateway, 'ask', context({ peerKey: 'r3', ...accept(second, 'b') })));
    expect(JSON.parse(done)).toMatchObject({
      answers: [{ result: { content: { v: 'a' } } }, { result: { content: { v: 'b' } } }],
    });
  });

  it('is taken up once, by its principal and the same request only', async () => {
    const gateway = await start();
    const question = asked(await round(gateway, 'ask', context({ principal: ada })));
    const answer = accept(question, 'x');
    await expect(round(gateway, 'ask', context({ principal: bob, ...answer }))).rejects.toMatchObject({
      code: 'STATE_INVALID',
    });
    await expect(round(gateway, 'pid', context({ principal: ada, ...answer }))).rejects.toMatchObject({
      code: 'STATE_INVALID',
    });
    await expect(
      round(gateway, 'ask', context({ principal: ada, inputState: { kind: 'parked', handle: 'guess' } })),
    ).rejects.toMatchObject({ code: 'STATE_INVALID' });
    text(await round(gateway, 'ask', context({ principal: ada, ...answer })));
    await expect(round(gateway, 'ask', context({ principal: ada, ...answer }))).rejects.toMatchObject({
      code: 'STATE_INVALID',
    });
  });

  it('is cancelled when its client does not come back', async () => {
    const gateway = await start({}, { inputMs: 100 });
    const question = asked(await round(gateway, 'ask', context()));
    await eventually(() => gateway.processes[0]?.stderr.includes('cancelled') === true);
    await expect(round(gateway, 'ask', context(accept(question, 'late')))).rejects.toMatchObject({
      code: 'STATE_INVALID',
    });
  });

  it('is cancelled with the legacy request it belongs to, and when its peer goes', async () => {
    const gateway = await start();
    const legacy = context({ era: 'legacy', revision: '2025-11-25', peerKey: 's1' });
    asked(await round(gateway, 'ask', legacy));
    legacy.abort.abort();
    await eventually(() => gateway.processes[0]?.stderr.match(/cancelled/g)?.length === 1);
    asked(await round(gateway, 'ask', context({ peerKey: 's1' })));
    gateway.upstreams.peerGone('s1');
    await eventually(() => gateway.processes[0]?.stderr.match(/cancelled/g)?.length === 2);
  });

  it('fails with a coded error when the upstream dies meanwhile', async () => {
    const gateway = await start();
    const question = asked(await round(gateway, 'ask', context()));
    process.kill(gateway.processes[0]?.pid ?? 0, 'SIGKILL');
    await eventually(() => gateway.upstreams.states()[0]?.state !== 'ready');
    await expect(round(gateway, 'ask', context(accept(question, 'x')))).rejects.toMatchObject({
      code: 'UPSTREAM_CRASHED',
    });
  });

  it('tells the upstream what the client cannot do, and H01 never shows a dangerous URL', async () => {
    const gateway = await start();
    const answer = JSON.parse(
      text(await round(gateway, 'ask', context({ clientCapabilities: {} }))),
    ) as JsonObject;
    expect(answer['answers']).toMatchObject([{ error: { code: -32601 } }]);
    const refused = JSON.parse(text(await round(gateway, 'bad-question', context()))) as JsonObject;
    expect(refused).toMatchObject({ error: { code: -32602 } });
  });
});

describe('a call that fails for want of a capability', () => {
  it('gets -32021 in the modern era, the upstream’s own error in the legacy era', async () => {
    const gateway = await start();
    await expect(round(gateway, 'needs', context({ clientCapabilities: {} }))).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      data: { requiredCapabilities: { sampling: {} } },
    });
    const legacy = { era: 'legacy', revision: '2025-11-25', clientCapabilities: {} } as const;
    await expect(round(gateway, 'needs', context(legacy))).rejects.toMatchObject({ rpcCode: -32603 });
  });
});

describe('several clients of one upstream that asks', () => {
  it('an unclear question is refused; from then on each peer has its own process, bounded', async () => {
    const gateway = await start({ lanes: 2, maxQueue: 10 });
    const slow = round(gateway, 'slow', context({ peerKey: 'b', principal: bob }), { ms: 400 });
    await eventually(() => inFlight(gateway) === 1);
    const unclear = JSON.parse(
      text(await round(gateway, 'ask', context({ peerKey: 'a', principal: ada }))),
    ) as JsonObject;
    expect(unclear['answers']).toMatchObject([{ error: { code: -32603 } }]);
    expect(gateway.upstreams.states()[0]).toMatchObject({ interactive: true, connections: 1 });

    const clear = asked(await round(gateway, 'ask', context({ peerKey: 'a', principal: ada })));
    expect(gateway.upstreams.states()[0]).toMatchObject({ connections: 2 });
    const shared = text(await slow);
    const mine = JSON.parse(
      text(await round(gateway, 'ask', context({ peerKey: 'a2', principal: ada, ...accept(clear, 'x') }))),
    ) as {
      pid: number;
    };
    expect(String(mine.pid)).not.toBe(shared);
  });

  it('more peers than connections wait their turn; a principal never gets another’s process', async () => {
    const gateway = await start({ lanes: 2, maxQueue: 10 });
    const blocked = round(gateway, 'slow', context({ peerKey: 'x' }), { ms: 150 });
    await eventually(() => inFlight(gateway) === 1);
    await round(gateway, 'ask', context({ peerKey: 'y' }));
    await blocked;
    const pids = await Promise.all(
      [ada, bob, ada, bob].map(async (principal, index) => ({
        principal: principal.id,
        pid: text(await round(gateway, 'slow', context({ peerKey: `p${index}`, principal }), { ms: 50 })),
      })),
    );
    const byProcess = new Map<string, Set<string>>();
    for (const { principal, pid } of pids)
      byProcess.set(pid, (byProcess.get(pid) ?? new Set()).add(principal));
    for (const principals of byProcess.values()) expect(principals.size).toBe(1);
    expect(gateway.upstreams.states()[0]?.connections).toBeLessThanOrEqual(2);
  });

  it('additional connections end when idle', async () => {
    const gateway = await start({ lanes: 3, laneIdleMs: 50 });
    const slow = round(gateway, 'slow', context({ peerKey: 'a' }), { ms: 200 });
    await eventually(() => inFlight(gateway) === 1);
    await round(gateway, 'ask', context({ peerKey: 'b' }));
    await round(gateway, 'pid', context({ peerKey: 'c' }));
    expect(gateway.upstreams.states()[0]?.connections).toBe(2);
    await slow;
    await eventually(() => gateway.upstreams.states()[0]?.connections === 1);
  });

  it('a question outside of any call is refused', async () => {
    const gateway = await start();
    await round(gateway, 'background', context(), { ms: 20 });
    await eventually(() => gateway.processes[0]?.stderr.includes('background') === true);
    expect(gateway.processes[0]?.stderr).toContain('-32603');
    expect(gateway.upstreams.states()[0]?.interactive).toBe(false);
  });

  it.each(['legacy', 'modern'] as const)(
    'several calls of one %s connection ask at once: all are answered',
    async (era) => {
      const gateway = await start();
      const client = await gateway.connect({
        era,
        onElicit: async ({ message }) => ({ action: 'accept', content: { v: message } }),
      });
      const results = await Promise.all([1, 2, 3].map(() => client.callTool('up__ask', { times: 2 })));
      for (const result of results) {
        expect(JSON.parse(text(result))).toMatchObject({
          answers: [{ result: { content: { v: 'm0' } } }, { result: { content: { v: 'm1' } } }],
        });
      }
      expect(gateway.upstreams.states()[0]).toMatchObject({
        interactive: false,
        connections: 1,
        inFlight: 0,
      });
    },
  );
});

describe('log messages', () => {
  it('go to the call while one principal uses the connection, to nobody when two did', async () => {
    const gateway = await start();
    const mine = context({ principal: ada });
    await round(gateway, 'log', mine, { text: 'for ada' });
    expect(mine.logged).toEqual([{ level: 'info', data: 'for ada' }]);
    const his = context({ principal: bob });
    await round(gateway, 'log', his, { text: 'for bob?' });
    expect([his.logged, mine.logged.length, gateway.broadcasts]).toEqual([[], 1, []]);
    expect(gateway.upstreams.states()[0]?.droppedLogs).toBe(1);
  });
});

describe('error -32042', () => {
  it('becomes an input request for a modern client, and the call is made anew once accepted', async () => {
    const gateway = await start();
    const question = asked(await round(gateway, 'url-required', context()));
    expect(question.inputRequests).toMatchObject({
      'url-1': {
        method: 'elicitation/create',
        params: { mode: 'url', url: 'https://auth.example/x', message: 'Sign in' },
      },
    });
    const again = { inputResponses: { 'url-1': { action: 'accept' } }, inputState: question.state ?? null };
    expect(text(await round(gateway, 'url-required', context(again)))).toBe('thanks');
  });

  it('is a tool error when the user declines, -32021 when the client cannot open URLs, itself for a legacy client', async () => {
    const gateway = await start();
    const question = asked(await round(gateway, 'url-required', context()));
    const no = { inputResponses: { 'url-1': { action: 'decline' } }, inputState: question.state ?? null };
    expect(await round(gateway, 'url-required', context(no))).toMatchObject({ isError: true });
    const other = await start();
    await expect(
      round(other, 'url-required', context({ clientCapabilities: { elicitation: { form: {} } } })),
    ).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      data: { requiredCapabilities: { elicitation: { url: {} } } },
    });
    const third = await start();
    await expect(
      round(third, 'url-required', context({ era: 'legacy', revision: '2025-11-25' })),
    ).rejects.toMatchObject({ rpcCode: -32042, data: { elicitations: [{ elicitationId: 'e1' }] } });
  });
});
