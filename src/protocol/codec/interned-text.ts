/**
 * Methods, tool names and revisions come again with every request: the bytes of a recent one are answered with the string
 * made the first time. Each entry is compared byte by byte, so a clash of slots costs a new string and nothing else.
 */

/** Longer text is not kept. */
const LONGEST = 64;
const SLOTS = 1024;

const slots: string[] = new Array<string>(SLOTS).fill('');

/** The text of `bytes[start, end)`, which is ASCII. */
export function internedText(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length === 0) return '';
  if (length > LONGEST) return bytes.toString('latin1', start, end);
  let hash = length;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const kept = slots[slot] as string;
  if (isSame(kept, bytes, start, length)) return kept;
  const text = bytes.toString('latin1', start, end);
  slots[slot] = text;
  return text;
}

function isSame(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}
