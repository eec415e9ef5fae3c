/**
 * Which URI stands for which resource of which upstream.
 *
 * A URI stays as it is for the first upstream, in the order of the configuration, that lists it. For any other upstream
 * it becomes `ferromcp-<prefix>+<uri>`, and so does every URI that already looks like that, so that none can pose as a
 * resource of another upstream. Templates follow the same rule; what they expand to keeps its form.
 */
import { createHash } from 'node:crypto';

const SCHEME = 'ferromcp-';
const FOREIGN = /^ferromcp-([a-z0-9-]+)\+/i;

/** A scheme may have lower-case letters, digits and `-` only, and readers may change the case. */
function schemeOf(prefix: string): string {
  if (/^[a-z0-9-]+$/.test(prefix) && !/-s[0-9a-f]{8}$/.test(prefix)) return `${SCHEME}${prefix}+`;
  const readable = prefix.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${SCHEME}${readable}-s${createHash('sha256').update(prefix).digest('hex').slice(0, 8)}+`;
}

export interface AddressedUpstream {
  readonly prefix: string;
  /** URIs and URI templates it lists. */
  readonly uris: readonly string[];
  readonly templates: readonly string[];
}

export interface Address {
  readonly prefix: string;
  readonly uri: string;
}

/** URIs learnt from results that may be remembered, over all upstreams. */
const LEARNT_URIS = 10_000;

export class ResourceAddresses {
  readonly #schemes = new Map<string, string>();
  readonly #prefixes = new Map<string, string>();
  readonly #learnt = new Map<string, string>();
  /** Listed URI or template -> prefix of the upstream that keeps it unchanged. */
  #owners = new Map<string, string>();
  #literals: readonly { readonly literal: string; readonly prefix: string }[] = [];
  readonly #transparent: boolean;

  constructor(transparent = false) {
    this.#transparent = transparent;
  }

  /**
   * Takes what the upstreams list, in the order of the configuration. `taken` tells URIs that are not ours to give
   * away (registered by the application).
   */
  assign(upstreams: readonly AddressedUpstream[], taken: (uri: string) => boolean): void {
    const owners = new Map<string, string>();
    const literals: { literal: string; prefix: string }[] = [];
    for (const { prefix, uris, templates } of upstreams) {
      if (!this.#schemes.has(prefix)) {
        const scheme = schemeOf(prefix);
        this.#schemes.set(prefix, scheme);
        this.#prefixes.set(scheme, prefix);
      }
      for (const uri of [...uris, ...templates]) {
        if (!owners.has(uri) && !taken(uri) && !this.#isForeign(uri)) owners.set(uri, prefix);
      }
      for (const template of templates) {
        const literal = template.slice(0, template.indexOf('{') === -1 ? undefined : template.indexOf('{'));
        if (literal !== '' && owners.get(template) === prefix) literals.push({ literal, prefix });
      }
    }
    this.#owners = owners;
    this.#literals = literals.sort((a, b) => b.literal.length - a.literal.length);
  }

  /** The URI (or template) clients see for one that `prefix` uses. */
  toClient(prefix: string, uri: string): string {
    if (this.#transparent) return uri;
    if (!this.#isForeign(uri) && (this.#owners.get(uri) ?? prefix) === prefix) return uri;
    return `${this.#schemes.get(prefix) ?? schemeOf(prefix)}${uri}`;
  }

  /** As {@link toClient} for a URI found in a result: remembers who knows it. */
  learn(prefix: string, uri: string): string {
    const shown = this.toClient(prefix, uri);
    if (shown === uri && !this.#owners.has(uri) && !this.#transparent) {
      this.#learnt.delete(uri);
      this.#learnt.set(uri, prefix);
      if (this.#learnt.size > LEARNT_URIS) {
        for (const oldest of this.#learnt.keys()) {
          this.#learnt.delete(oldest);
          break;
        }
      }
    }
    return shown;
  }

  /** Whose URI that is, and what they call it; undefined when nobody is known to have it. */
  resolve(uri: string): Address | undefined {
    const foreign = FOREIGN.exec(uri);
    if (foreign !== null) {
      const prefix = this.#prefixes.get(foreign[0].toLowerCase());
      return prefix === undefined ? undefined : { prefix, uri: uri.slice(foreign[0].length) };
    }
    const prefix =
      this.#owners.get(uri) ??
      this.#learnt.get(uri) ??
      this.#literals.find(({ literal }) => uri.startsWith(literal))?.prefix;
    return prefix === undefined ? undefined : { prefix, uri };
  }

  /** The upstream's own URI behind one of a client, when it is known to belong to `prefix`. */
  toUpstream(prefix: string, uri: string): string {
    const scheme = this.#schemes.get(prefix);
    return !this.#transparent && scheme !== undefined && uri.toLowerCase().startsWith(scheme)
      ? uri.slice(scheme.length)
      : uri;
  }

  #isForeign(uri: string): boolean {
    return FOREIGN.test(uri);
  }
}
