/** Finds a file of known hash wherever it is said to be: in the store, at its CIDs, at plain addresses, at other nodes. */
import type { CID } from "multiformats/cid";
import pLimit from "p-limit";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { assemble } from "./assemble.ts";
import { cidOfUri, isKnown, parseCid } from "./cid.ts";
import type { HttpClient } from "./client.ts";
import { createSources, type Source } from "./sources.ts";
import type { ContentStore } from "./store.ts";

export interface FetchOptions {
  /** Largest file. Default 256 MiB. */
  readonly maxBytes?: number;
  /** Base URLs of other nodes that this one's owner trusts with its network. */
  readonly mirrors?: readonly string[];
  /** IPFS gateways that the owner chose. */
  readonly gateways?: readonly string[];
  /** Base URLs of other nodes as they announce them, asked for anew each time. Strangers. */
  readonly peers?: () => readonly string[];
}

export interface LocalFile {
  readonly path: string;
  readonly size: number;
}

export interface Fetcher {
  /**
   * A file with this hash, fetched if need be. Safe to call again and again, also for the same file at the same time.
   * @param uris Where it is said to be: ipfs:// and http(s) addresses, fragments ignored; others are passed over.
   * @throws {AssayError} CONTENT_UNAVAILABLE (retryable), CONTENT_MISMATCH, CONTENT_TOO_LARGE, STORAGE_FULL (retryable).
   */
  provide(sha256: Hex, uris: readonly string[]): Promise<LocalFile>;
}

const DEFAULT_MAX_BYTES = 256 * 2 ** 20;
/** Files on their way at once. */
const MAX_FETCHES = 3;
/** Of a release's addresses and of peers no more are tried: whoever announces thousands gets nowhere. */
const MAX_URIS = 16;
const MAX_PEERS = 64;

/** A place that serves content to those who know its hash. */
interface Address {
  readonly cids: readonly CID[];
  /** Whole files over http(s). */
  readonly plain: readonly string[];
  /** Nodes and gateways that the addresses themselves name. */
  readonly bases: readonly string[];
}

/** What can be done with a release's addresses. */
export function readAddresses(uris: readonly string[]): Address {
  const cids = new Map<string, CID>();
  const plain = new Set<string>();
  const bases = new Set<string>();
  for (const uri of uris.slice(0, MAX_URIS)) {
    const own = cidOfUri(uri);
    if (own !== undefined) cids.set(own.toString(), own);
    const [address = ""] = uri.split("#");
    if (!/^https?:\/\//i.test(address)) continue;
    plain.add(address);
    const [, base, kind, name = ""] = /^(.*)\/(ipfs|content)\/([0-9A-Za-z]+)\/?$/.exec(address) ?? [];
    if (base === undefined) continue;
    bases.add(base);
    const cid = kind === "ipfs" ? parseCid(name) : undefined;
    if (cid !== undefined && isKnown(cid)) cids.set(cid.toString(), cid);
  }
  return { cids: [...cids.values()], plain: [...plain], bases: [...bases] };
}

function trimmed(base: string): string {
  return base.replace(/\/+$/, "");
}

export function createFetcher(store: ContentStore, client: HttpClient, options: FetchOptions = {}): Fetcher {
  const { maxBytes = DEFAULT_MAX_BYTES, mirrors = [], gateways = [], peers = () => [] } = options;
  const sources = createSources();
  const turn = pLimit(MAX_FETCHES);
  const running = new Map<string, Promise<LocalFile>>();

  /** Other nodes; those that the owner chose come first, and stay trusted when strangers name them too. */
  function nodes(): Source[] {
    const own = mirrors.map((base): Source => ({ base: trimmed(base), trusted: true }));
    const others = peers()
      .slice(0, MAX_PEERS)
      .map((base): Source => ({ base: trimmed(base), trusted: false }));
    return [...own, ...others];
  }

  async function byCid(sha256: Hex, cid: CID, bases: readonly string[]): Promise<LocalFile> {
    const chosen = gateways.map((base): Source => ({ base: trimmed(base), trusted: true }));
    const named = bases.map((base): Source => ({ base, trusted: false }));
    const unique = new Map<string, Source>();
    for (const source of [...nodes(), ...chosen, ...named])
      if (!unique.has(source.base)) unique.set(source.base, source);
    const into = await store.receive(sha256);
    try {
      await assemble(cid, into, { client, sources, candidates: [...unique.values()], maxBytes });
      return await into.finish();
    } finally {
      await into.close();
    }
  }

  async function plainly(sha256: Hex, source: Source, url: string): Promise<LocalFile> {
    if (sources.pick([source]) === undefined)
      throw new AssayError("CONTENT_UNAVAILABLE", `${source.base} failed lately: it is asked again later`, {
        retryable: true,
      });
    const end = sources.begin(source);
    try {
      const content = client.stream({ url, trusted: source.trusted, maxBytes });
      const file = await store.put(content, { expected: sha256, maxBytes });
      end(file.size);
      return file;
    } catch (error) {
      end(error instanceof AssayError && error.code !== "STORAGE_FULL" ? error : undefined);
      throw error;
    }
  }

  /** In the order in which they are tried. */
  function attempts(sha256: Hex, uris: readonly string[]): (() => Promise<LocalFile>)[] {
    const { cids, plain, bases } = readAddresses(uris);
    const path = `/content/${sha256.slice(2).toLowerCase()}`;
    return [
      ...cids.map((cid) => () => byCid(sha256, cid, bases)),
      // That one address has another file than this release says is no fault of its host, nor even of the address.
      ...plain.map((url) => () => plainly(sha256, { base: `${url}#${sha256}`, trusted: false }, url)),
      ...nodes().map((node) => () => plainly(sha256, node, `${node.base}${path}`)),
    ];
  }

  async function find(sha256: Hex, uris: readonly string[]): Promise<LocalFile> {
    const local = await store.find(sha256);
    if (local !== undefined) return local;
    let last: AssayError | undefined;
    for (const attempt of attempts(sha256, uris)) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof AssayError)) throw error;
        // No other source makes room.
        if (error.code === "STORAGE_FULL") throw error;
        // What an address leads to says more than that others have nothing.
        if (last === undefined || last.code === "CONTENT_UNAVAILABLE") last = error;
      }
    }
    throw (
      last ??
      new AssayError("CONTENT_UNAVAILABLE", `no address of ${sha256} can be fetched`, { retryable: true })
    );
  }

  return {
    provide(sha256, uris) {
      const key = sha256.toLowerCase();
      const found = running.get(key) ?? turn(() => find(sha256, uris)).finally(() => running.delete(key));
      running.set(key, found);
      return found;
    },
  };
}
