/** Who is asking. Part of every session, task, cache and event key. */
export interface Principal {
  /** Stable, unique per issuer and subject. */
  readonly id: string;
  readonly kind: 'anonymous' | 'local' | 'token';
  readonly scopes: readonly string[];
}

/** A peer that has not been authenticated (no auth configured). */
export const ANONYMOUS: Principal = { id: 'anonymous', kind: 'anonymous', scopes: [] };
/** The user who started the process: stdio and in-memory peers. */
export const LOCAL_USER: Principal = { id: 'local', kind: 'local', scopes: [] };
