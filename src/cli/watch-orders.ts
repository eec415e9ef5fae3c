/** How `serve --watch` tells the process it starts that it is watched; by environment, invisible in process lists. */

const VARIABLE = 'FERROMCP_WATCHED';

export interface WatchOrders {
  /** The port of the earlier run, so that a free port chosen once stays. */
  readonly port?: number;
}

/** True in a process started by the watcher. */
export function isWatched(): boolean {
  return process.env[VARIABLE] !== undefined;
}

/** The orders, once; they are not handed on to processes the server starts. */
export function takeWatchOrders(): WatchOrders | undefined {
  const text = process.env[VARIABLE];
  delete process.env[VARIABLE];
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port > 0 && port <= 65_535 ? { port } : {};
}

export function watchEnvironment(orders: WatchOrders): NodeJS.ProcessEnv {
  return { ...process.env, [VARIABLE]: String(orders.port ?? '') };
}
