/**
 * Uses the addon named by FERROMCP_NATIVE_PATH in the Node that runs this: through the loader, against the TypeScript
 * scanner, and as HTTP front of a server. Plain JavaScript on `dist/`, so that it runs on any platform.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { DEFAULT_LIMITS } from '../../../dist/core/limits.js';
import { createServer } from '../../../dist/index.js';
import { fallback } from '../../../dist/native/fallback.js';
import { native } from '../../../dist/native/loader.js';
import { HEADER_WORDS } from '../../../dist/native/port.js';

const MODERN = '2026-07-28';
const SEED = 20_261_123;
const MUTANTS = 3_000;

let checks = 0;
const check = (condition, what) => {
  assert.ok(condition, what);
  checks += 1;
};

const { port: addon, status } = native();
check(status.loaded, `the addon is loaded: ${status.reason}`);
check(status.path === process.env.FERROMCP_NATIVE_PATH, 'it is the one under test');

const limits = Uint32Array.of(
  DEFAULT_LIMITS.jsonDepth,
  DEFAULT_LIMITS.jsonNodes,
  DEFAULT_LIMITS.jsonNumber,
  DEFAULT_LIMITS.idBytes,
  DEFAULT_LIMITS.methodBytes,
  DEFAULT_LIMITS.batchMessages,
);

function words(implementation, bytes) {
  const out = new Uint32Array(HEADER_WORDS + 200);
  const result = implementation.scanEnvelope(bytes, 0, bytes.length, limits, out);
  return [result, ...out.subarray(0, HEADER_WORDS)].join();
}

function* messages() {
  const call = (id, text) =>
    `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{"text":"${text}"}}}`;
  const seeds = [
    call(1, 'plain'),
    call('"\\u00e9"', 'grüße 🙂'),
    `[${call(1, 'a')},${call(2, 'b')}]`,
    '{}',
    '',
  ];
  yield* seeds.map((text) => Buffer.from(text));
  let state = SEED;
  const random = (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let count = 0; count < MUTANTS; count += 1) {
    const bytes = Buffer.from(seeds[random(3)]);
    for (let edits = random(3); edits >= 0; edits -= 1) bytes[random(bytes.length)] = random(256);
    yield bytes.subarray(0, bytes.length - random(4));
  }
}

for (const bytes of messages()) {
  assert.equal(words(addon, bytes), words(fallback, bytes), bytes.toString('latin1'));
  checks += 1;
}

const server = createServer({ name: 'check', version: '1.0.0' });
server.tool(
  'echo',
  { input: { type: 'object', properties: { text: { type: 'string' } } } },
  ({ text }) => text,
);
const listening = await server.listen({ port: 0, host: '127.0.0.1', front: 'native' });

async function ask(method, params = {}) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'check', version: '1' },
  };
  const response = await fetch(listening.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(params.name !== undefined && { 'mcp-name': params.name }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 'a', method, params: { ...params, _meta } }),
  });
  return response.json();
}

const listed = await ask('tools/list');
check(listed.result?.tools?.[0]?.name === 'echo', `the front lists tools: ${JSON.stringify(listed)}`);
const answered = await ask('tools/call', { name: 'echo', arguments: { text: 'grüße' } });
check(answered.result?.content?.[0]?.text === 'grüße', `the front calls a tool: ${JSON.stringify(answered)}`);

const refused = await new Promise((resolve, reject) => {
  const socket = connect(listening.port, '127.0.0.1', () =>
    socket.write('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\nContent-Length: 0\r\n\r\n'),
  );
  socket.once('error', reject);
  socket.once('data', (data) => {
    socket.destroy();
    resolve(data.toString('latin1'));
  });
});
check(refused.startsWith('HTTP/1.1 400 '), `the front refuses two Host lines: ${refused.slice(0, 40)}`);
await listening.close();

const { glibcVersionRuntime } = process.report.getReport().header;
const libc = glibcVersionRuntime === undefined ? 'musl' : `glibc ${glibcVersionRuntime}`;
console.log(`${checks} checks passed on Node ${process.version.slice(1)}, ${process.arch}, ${libc}`);
