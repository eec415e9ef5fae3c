import type { Logger } from '../core/log.ts';
import type { Catalogue } from '../features/catalogue.ts';
import type { Registry } from '../features/registry.ts';
import {
  type EntryFactory,
  promptEntries,
  resourceEntries,
  templateEntries,
  toolEntries,
} from './entries.ts';
import type { ParkedCalls } from './parked-calls.ts';
import { ResourceAddresses } from './resource-addresses.ts';
import { LIST_NAMES, type ListName } from './snapshot.ts';
import type { Upstream } from './upstream.ts';

/**
 * Keeps a registry equal to what the upstreams offer. Order and names depend on the configuration only, never on who
 * answered first. Changes of one turn of the event loop are published together.
 */
export class EntryPublisher {
  readonly addresses: ResourceAddresses;
  readonly factory: EntryFactory;
  readonly #logger: Logger;
  readonly #dirty = new Set<ListName>();
  #registry: Registry | undefined;
  #upstreams: readonly Upstream[] = [];
  #publishing: Promise<void> | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #settle: () => void = () => {};
  #watching: NodeJS.Immediate | undefined;

  constructor(source: string, parked: ParkedCalls, transparent: boolean, logger: Logger) {
    this.addresses = new ResourceAddresses(transparent);
    this.factory = { source, parked, addresses: this.addresses, transparent };
    this.#logger = logger;
  }

  /** `upstreams` may grow later. */
  attach(registry: Registry, upstreams: readonly Upstream[]): void {
    this.#registry = registry;
    this.#upstreams = upstreams;
  }

  detach(): void {
    clearImmediate(this.#immediate);
    clearImmediate(this.#watching);
    this.#registry = undefined;
    this.#settle();
  }

  /** Settles when everything that is known is published; undefined when it is. */
  pending(): Promise<void> | undefined {
    return this.#publishing;
  }

  changed(lists: readonly ListName[]): void {
    for (const list of lists) this.#dirty.add(list);
    if (this.#publishing !== undefined || this.#registry === undefined) return;
    this.#publishing = new Promise((resolve) => {
      this.#settle = () => {
        this.#publishing = undefined;
        resolve();
      };
    });
    this.#immediate = setImmediate(() => {
      try {
        this.#publish();
      } finally {
        this.#settle();
      }
    });
  }

  #publish(): void {
    const registry = this.#registry;
    if (registry === undefined) return;
    const dirty = new Set(this.#dirty);
    this.#dirty.clear();
    if (dirty.has('resources') || dirty.has('templates')) {
      // Who keeps a URI may change with either list, and tools may name resources.
      for (const list of LIST_NAMES) if (list !== 'prompts') dirty.add(list);
      this.#assignAddresses(registry);
    }
    const { factory } = this;
    const all = <T>(make: (factory: EntryFactory, upstream: Upstream) => readonly T[]): readonly T[] =>
      this.#upstreams.flatMap((upstream) => make(factory, upstream));
    if (dirty.has('tools')) this.#replace(registry.tools, all(toolEntries), (entry) => entry.definition.name);
    if (dirty.has('prompts'))
      this.#replace(registry.prompts, all(promptEntries), (entry) => entry.definition.name);
    if (dirty.has('resources')) {
      this.#replace(registry.resources, all(resourceEntries), (entry) => entry.definition.uri);
    }
    if (dirty.has('templates')) {
      this.#replace(registry.templates, all(templateEntries), (entry) => entry.definition.uriTemplate);
    }
    this.watchLater();
  }

  #assignAddresses(registry: Registry): void {
    const { source } = this.factory;
    const foreign = (entry: { readonly source?: string } | undefined): boolean =>
      entry !== undefined && entry.source !== source;
    this.addresses.assign(
      this.#upstreams.map(({ prefix, snapshot }) => ({
        prefix,
        uris: (snapshot?.resources ?? []).map(({ uri }) => uri),
        templates: (snapshot?.templates ?? []).map(({ uriTemplate }) => uriTemplate),
      })),
      (uri) => foreign(registry.resources.get(uri)) || foreign(registry.templates.get(uri)),
    );
  }

  #replace<T extends { readonly source?: string; readonly definition: object }>(
    catalogue: Catalogue<T>,
    entries: readonly T[],
    keyOf: (entry: T) => string,
  ): void {
    const { source } = this.factory;
    const current = catalogue.list().filter((entry) => entry.source === source);
    if (sameEntries(current, entries, keyOf)) return;
    // Entries that stay keep their place; when that is not the place they should have, all are put in anew.
    if (!keepsOrder(current.map(keyOf), entries.map(keyOf))) catalogue.replaceSource(source, []);
    const refused = catalogue.replaceSource(source, entries);
    if (refused.length > 0) {
      this.#logger.log('warn', 'entries of upstreams are left out because their names are taken', {
        code: 'UPSTREAM_NAME_COLLISION',
        count: refused.length,
        first: refused.slice(0, 5),
      });
    }
  }

  /** Tells each upstream which of its resources somebody listens to. */
  watchLater(): void {
    if (this.#watching !== undefined) return;
    this.#watching = setImmediate(() => {
      this.#watching = undefined;
      const registry = this.#registry;
      if (registry === undefined) return;
      const wanted = new Map<string, Set<string>>();
      for (const uri of registry.subscriptions.uris()) {
        const address = this.addresses.resolve(uri) ?? this.#onlySubscribable(uri);
        if (address === undefined) continue;
        const uris = wanted.get(address.prefix) ?? new Set();
        wanted.set(address.prefix, uris.add(address.uri));
      }
      for (const upstream of this.#upstreams) upstream.watch(wanted.get(upstream.prefix) ?? new Set());
    });
  }

  /** A URI nobody lists can only be meant for the one upstream that takes subscriptions. */
  #onlySubscribable(uri: string): { readonly prefix: string; readonly uri: string } | undefined {
    const able = this.#upstreams.filter(
      ({ snapshot }) => snapshot?.capabilities.resources?.subscribe === true,
    );
    const [only] = able;
    return able.length === 1 && only !== undefined ? { prefix: only.prefix, uri } : undefined;
  }
}

/** Entries close over their upstream: with equal definitions in equal order there is nothing to tell anyone. */
function sameEntries<T extends { readonly definition: object }>(
  current: readonly T[],
  next: readonly T[],
  keyOf: (entry: T) => string,
): boolean {
  return (
    current.length === next.length &&
    next.every((entry, index) => {
      const present = current[index];
      return (
        present !== undefined &&
        keyOf(present) === keyOf(entry) &&
        JSON.stringify(present.definition) === JSON.stringify(entry.definition)
      );
    })
  );
}

function keepsOrder(current: readonly string[], next: readonly string[]): boolean {
  const position = new Map(next.map((key, index) => [key, index]));
  const kept = current.filter((key) => position.has(key));
  // New entries go to the end of the catalogue: those that stay must be the beginning of the new order.
  return kept.every((key, index) => position.get(key) === index);
}
