/** Called for one URI; must not throw. */
export type UpdateListener = (uri: string) => void;

/**
 * Who wants to hear of changes of which resource. Cost of an update grows with the listeners of that URI only.
 * `onInterest` lets a proxy subscribe upstream exactly while somebody listens.
 */
export class ResourceSubscriptions {
  readonly #byUri = new Map<string, Set<UpdateListener>>();
  readonly #interest = new Set<(uri: string, wanted: boolean) => void>();
  readonly #observers = new Set<UpdateListener>();

  /** Listens to one URI; the returned function stops it. */
  add(uri: string, listener: UpdateListener): () => void {
    let listeners = this.#byUri.get(uri);
    if (listeners === undefined) {
      listeners = new Set();
      this.#byUri.set(uri, listeners);
      for (const observer of this.#interest) observer(uri, true);
    }
    listeners.add(listener);
    return () => this.#remove(uri, listener);
  }

  /** Announces that a resource has changed. */
  updated(uri: string): void {
    for (const observer of this.#observers) observer(uri);
    const listeners = this.#byUri.get(uri);
    if (listeners === undefined) return;
    for (const listener of [...listeners]) listener(uri);
  }

  /** Told of every announced change, before those who listen to the URI. */
  onUpdate(observer: UpdateListener): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  wanted(uri: string): boolean {
    return this.#byUri.has(uri);
  }

  /** URIs with at least one listener. */
  uris(): readonly string[] {
    return [...this.#byUri.keys()];
  }

  /** Told when a URI gets its first listener (`true`) and loses its last (`false`). */
  onInterest(observer: (uri: string, wanted: boolean) => void): () => void {
    this.#interest.add(observer);
    return () => this.#interest.delete(observer);
  }

  #remove(uri: string, listener: UpdateListener): void {
    const listeners = this.#byUri.get(uri);
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return;
    this.#byUri.delete(uri);
    for (const observer of this.#interest) observer(uri, false);
  }
}
