#!/usr/bin/env node
/**
 * Load generator: keep-alive connections with one request in flight each, prepared bytes, as little work as possible
 * per reply. Reads a plan from stdin (JSON) and writes counts and latencies to stdout (JSON).
 *
 * Plan: { port, connections, seconds, requests: string[] } – each request is a complete HTTP message.
 */
import net from 'node:net';

const CRLF2 = Buffer.from('\r\n\r\n');
const CHUNKED_END = Buffer.from('0\r\n\r\n');

const plan = JSON.parse(await readAll(process.stdin));
const requests = plan.requests.map((text) => Buffer.from(text));
const latencies = [];
let replies = 0;
let failures = 0;
let next = 0;
let running = true;

async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function connect() {
  const socket = net.connect({ port: plan.port, host: '127.0.0.1', noDelay: true });
  let buffered;
  let sentAt = 0;
  const send = () => {
    if (!running) {
      socket.end();
      return;
    }
    sentAt = performance.now();
    socket.write(requests[next++ % requests.length]);
  };
  socket.on('connect', send);
  socket.on('data', (chunk) => {
    buffered = buffered === undefined ? chunk : Buffer.concat([buffered, chunk]);
    const reply = replyIn(buffered);
    if (reply === undefined) return;
    buffered = undefined;
    replies += 1;
    if (!reply.ok) failures += 1;
    latencies.push(performance.now() - sentAt);
    if (reply.close) socket.destroy();
    else send();
  });
  socket.on('error', () => {
    failures += 1;
  });
  socket.on('close', () => {
    if (running) connect();
  });
}

/** The reply when the buffer holds a whole one. One request is in flight, so nothing follows it. */
function replyIn(buffer) {
  const headEnd = buffer.indexOf(CRLF2);
  if (headEnd < 0) return undefined;
  const head = buffer.latin1Slice(0, headEnd).toLowerCase();
  const at = head.indexOf('content-length: ');
  if (at >= 0) {
    const length = Number.parseInt(head.slice(at + 16), 10);
    if (buffer.length < headEnd + 4 + length) return undefined;
  } else if (head.includes('transfer-encoding: chunked')) {
    if (!buffer.subarray(-CHUNKED_END.length).equals(CHUNKED_END)) return undefined;
  }
  return { ok: head.startsWith('http/1.1 2'), close: head.includes('connection: close') };
}

const started = performance.now();
for (let i = 0; i < plan.connections; i += 1) connect();
setTimeout(() => {
  running = false;
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  const cpu = process.cpuUsage();
  process.stdout.write(
    JSON.stringify({
      replies,
      failures,
      seconds,
      p50: at(0.5),
      p95: at(0.95),
      p99: at(0.99),
      // Close to 1: the generator is the limit.
      generatorCpu: (cpu.user + cpu.system) / 1e6 / seconds,
    }),
    () => process.exit(0),
  );
}, plan.seconds * 1000);
