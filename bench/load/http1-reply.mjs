/** Reading HTTP/1.1 replies off a socket. */

const HEAD_END = Buffer.from('\r\n\r\n');
const CHUNKS_END = Buffer.from('\r\n0\r\n\r\n');

/**
 * @typedef {object} Reply
 * @property {number} status
 * @property {string} head in lower case
 * @property {number} bodyStart
 * @property {number} bytes of the whole reply
 * @property {boolean} chunked
 */

/**
 * The reply at the start of a buffer when all of it is there. One request is in flight, so nothing follows it.
 * @param {Buffer} buffer
 * @returns {Reply | undefined}
 */
export function wholeReply(buffer) {
  const headEnd = buffer.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = buffer.toString('latin1', 0, headEnd).toLowerCase();
  const bodyStart = headEnd + HEAD_END.length;
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
  if (length !== undefined) {
    const bytes = bodyStart + Number(length);
    return buffer.length < bytes ? undefined : { status, head, bodyStart, bytes, chunked: false };
  }
  if (!head.includes('\r\ntransfer-encoding: chunked'))
    return { status, head, bodyStart, bytes: bodyStart, chunked: false };
  const ended = buffer.subarray(-CHUNKS_END.length).equals(CHUNKS_END);
  return ended ? { status, head, bodyStart, bytes: buffer.length, chunked: true } : undefined;
}

/**
 * The JSON-RPC message in a reply, be it JSON or the last event of a stream; undefined when there is none.
 * @param {Buffer} buffer
 * @param {Reply} reply
 * @returns {any}
 */
export function messageIn(buffer, { bodyStart, bytes, chunked, head }) {
  const raw = buffer.subarray(bodyStart, bytes);
  const body = (chunked ? joinChunks(raw) : raw).toString();
  if (!/\r\ncontent-type: *text\/event-stream/.test(head)) return body === '' ? undefined : parse(body);
  return lastEvent(body);
}

/** @param {string} stream */
export function lastEvent(stream) {
  const data = stream
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).trim())
    .filter((line) => line.startsWith('{'));
  const last = data.at(-1);
  return last === undefined ? undefined : parse(last);
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {Buffer} raw */
function joinChunks(raw) {
  const chunks = [];
  for (let at = 0; at < raw.length; ) {
    const end = raw.indexOf('\r\n', at);
    const size = Number.parseInt(raw.toString('latin1', at, end), 16);
    if (end < 0 || !(size > 0)) break;
    chunks.push(raw.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return Buffer.concat(chunks);
}
