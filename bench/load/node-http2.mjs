#!/usr/bin/env node
/**
 * Load generator on node:http2: a number of streams in flight on each connection; one reply in 64 is verified.
 * `node node-http2.mjs <plan file>` writes one line of JSON.
 */
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { lastEvent } from './http1-reply.mjs';
import { Latencies } from './latencies.mjs';
import { operation } from './operations.mjs';
import { PREPARED, prepared } from './requests.mjs';

const VERIFY_EVERY = 64;

const plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const { holds } = operation(plan.operation);
const requests = prepared(plan.target, plan.operation).map(({ headers, body }) => ({
  headers: { ':method': 'POST', ':path': '/mcp', ...headers },
  body: Buffer.from(body),
}));
const latencies = new Latencies();
const started = performance.now();
let [replies, failures, bytes, sent] = [0, 0, 0, 0];
let running = true;

function connect() {
  const session = http2.connect(`http://127.0.0.1:${plan.target.port}`);
  session.on('error', () => {
    failures += 1;
  });
  session.on('close', () => {
    if (running) connect();
  });
  session.on('connect', () => {
    for (let i = 0; i < plan.streams; i += 1) send(session);
  });
}

/** @param {http2.ClientHttp2Session} session */
function send(session) {
  if (!running || session.closed || session.destroyed) return;
  const id = sent % PREPARED;
  sent += 1;
  const { headers, body } = /** @type {(typeof requests)[number]} */ (requests[id]);
  const sentAt = performance.now();
  const stream = session.request(headers);
  let status = 0;
  /** @type {Buffer[]} */
  const chunks = [];
  stream.on('response', (head) => {
    status = Number(head[':status']);
  });
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.on('error', () => {});
  stream.on('close', () => {
    latencies.add(performance.now() - sentAt);
    const reply = Buffer.concat(chunks);
    replies += 1;
    bytes += reply.length;
    if (status !== 200 || (replies % VERIFY_EVERY === 1 && !isRight(reply.toString(), id))) failures += 1;
    send(session);
  });
  stream.end(body);
}

/** @param {string} text @param {number} id */
function isRight(text, id) {
  const message = text.startsWith('{') ? JSON.parse(text) : lastEvent(text);
  return message?.id === id && holds(id, message.result, { tools: plan.tools });
}

for (let i = 0; i < plan.connections; i += 1) connect();
setTimeout(() => {
  running = false;
  const seconds = (performance.now() - started) / 1e3;
  const result = { replies, failures, seconds, bytes, ...latencies.report() };
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}, plan.seconds * 1e3);
