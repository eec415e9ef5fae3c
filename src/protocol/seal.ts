import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { JsonValue } from '../core/json.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 1;

/**
 * Seals small values that travel through the client and come back (requestState, cursors): AES-256-GCM, so they can
 * be neither read nor changed. `purpose` separates uses: a cursor never opens as a requestState.
 */
export class Sealer {
  readonly #key: Buffer;

  /** @param secret at least 32 bytes; nodes that share it accept each other's values. Default: random per process. */
  constructor(secret: Uint8Array = randomBytes(32)) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'ferromcp seal v1', 32));
  }

  seal(purpose: string, value: JsonValue): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    cipher.setAAD(Buffer.from(purpose));
    const body = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), iv, cipher.getAuthTag(), body]).toString('base64url');
  }

  /** Undefined for anything that this key has not sealed for this purpose. */
  open(purpose: string, text: string): JsonValue | undefined {
    const bytes = Buffer.from(text, 'base64url');
    if (bytes.length < 1 + IV_BYTES + TAG_BYTES || bytes[0] !== VERSION) return undefined;
    // Base64 decoding is lenient; one value must have one spelling.
    if (bytes.toString('base64url') !== text) return undefined;
    const iv = bytes.subarray(1, 1 + IV_BYTES);
    const tag = bytes.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES);
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(purpose));
      decipher.setAuthTag(tag);
      const body = Buffer.concat([
        decipher.update(bytes.subarray(1 + IV_BYTES + TAG_BYTES)),
        decipher.final(),
      ]);
      return JSON.parse(body.toString('utf8')) as JsonValue;
    } catch {
      return undefined;
    }
  }
}

/** SHA-256, base64url. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
