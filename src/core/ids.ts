import { randomBytes } from 'node:crypto';

/** 144 random bits, visible ASCII: session ids, handles. */
export function secureId(): string {
  return randomBytes(18).toString('base64url');
}

/** Short id that ties an error answer to its log line. */
export function correlationId(): string {
  return randomBytes(9).toString('base64url');
}
