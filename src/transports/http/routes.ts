import type { HttpExchange } from './exchange.ts';

/** A further route of the listener (health, legacy SSE); gets requests that the guard has let pass. */
export interface FrontRoute {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Decides by the head alone whether the body is read; answers itself when it throws or returns false. */
  readonly wantsBody?: (exchange: HttpExchange) => boolean;
  /** `body` is there when the route wants one. */
  handle(exchange: HttpExchange, body: Uint8Array | undefined): void;
}

/** `/healthz` (alive) and `/readyz` (what is up). */
export function healthRoutes(
  ready: () => { readonly ready: boolean; readonly [key: string]: unknown },
): readonly FrontRoute[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      handle: (exchange) => exchange.reply(200, [], '{"status":"ok"}'),
    },
    {
      method: 'GET',
      path: '/readyz',
      handle: (exchange) => {
        const state = ready();
        exchange.reply(state.ready ? 200 : 503, [], JSON.stringify(state));
      },
    },
  ];
}
