#!/usr/bin/env node
/**
 * Load generator on node:net: keep-alive connections with one request in flight each, prepared bytes, as little work as
 * possible for a reply; one reply in 64 is read and verified. `node node-http1.mjs <plan file>` writes one line of JSON.
 */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { messageIn, wholeReply } from './http1-reply.mjs';
import { Latencies } from './latencies.mjs';
import { operation } from './operations.mjs';
import { http1, PREPARED, prepared } from './requests.mjs';

const VERIFY_EVERY = 64;

const plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const { holds } = operation(plan.operation);
const requests = prepared(plan.target, plan.operation).map((one) =>
  Buffer.from(http1(one, plan.target.port)),
);
const latencies = new Latencies();
const setup = { tools: plan.tools };
const wanted = plan.calls ?? Number.POSITIVE_INFINITY;
const started = performance.now();
let [replies, failures, bytes, sent, open] = [0, 0, 0, 0, 0];
let running = true;

function connect() {
  const socket = net.connect({ port: plan.target.port, host: '127.0.0.1', noDelay: true });
  /** @type {Buffer | undefined} */
  let buffered;
  let sentAt = 0;
  let id = 0;
  open += 1;
  const send = () => {
    if (!running || sent >= wanted) {
      socket.end();
      return;
    }
    id = sent % PREPARED;
    sent += 1;
    sentAt = performance.now();
    socket.write(/** @type {Buffer} */ (requests[id]));
  };
  socket.on('connect', send);
  socket.on('data', (chunk) => {
    buffered = buffered === undefined ? chunk : Buffer.concat([buffered, chunk]);
    const reply = wholeReply(buffered);
    if (reply === undefined) return;
    latencies.add(performance.now() - sentAt);
    const whole = buffered;
    buffered = undefined;
    replies += 1;
    bytes += reply.bytes;
    if (!isRight(whole, reply, id)) failures += 1;
    if (reply.head.includes('\r\nconnection: close')) socket.end();
    else send();
  });
  socket.on('error', () => {
    failures += 1;
  });
  socket.on('close', () => {
    open -= 1;
    if (running && sent < wanted) connect();
    else if (open === 0) finish();
  });
}

/** @param {Buffer} whole @param {import('./http1-reply.mjs').Reply} reply @param {number} id */
function isRight(whole, reply, id) {
  if (reply.status !== 200) return false;
  if (replies % VERIFY_EVERY !== 1) return true;
  const message = messageIn(whole, reply);
  return message?.id === id && holds(id, message.result, setup);
}

function finish() {
  running = false;
  const seconds = (performance.now() - started) / 1e3;
  const result = { replies, failures, seconds, bytes, ...latencies.report() };
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

for (let i = 0; i < plan.connections; i += 1) connect();
if (plan.calls === undefined) setTimeout(finish, plan.seconds * 1e3);
