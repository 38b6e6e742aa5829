/** Finds a file of known hash wherever it is said to be: in the store, at its CIDs, at plain addresses, at other nodes. No place waits long for another. */
import { randomInt } from "node:crypto";
import type { CID } from "multiformats/cid";
import pLimit from "p-limit";
import { AssayError, messageOf, type ErrorCode } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { assemble } from "./assemble.ts";
import { cidOfUri, isKnown, parseCid } from "./cid.ts";
import { parseUrl, type HttpClient } from "./client.ts";
import { firstOf, type Attempt, type RaceOptions, type Runner } from "./race.ts";
import { hostOf } from "../setup/endpoint.ts";
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
  /** Told why a place is not asked for a while. */
  readonly onRest?: (why: ErrorCode) => void;
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
/** Files on their way at once, each for so long at most: what came stays for the next time. */
const MAX_FETCHES = 32;
const FETCH_MS = 600_000;
const RACE: RaceOptions = {
  patienceMs: 2000,
  minBytes: 2 ** 20,
  most: 32,
  // No other place makes room.
  isFatal: (error) => !(error instanceof AssayError) || error.code === "STORAGE_FULL",
};
/** Reasons that an error tells. */
const MAX_REASONS = 8;
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

/** Before an address is announced for good. @throws {AssayError} BAD_CONFIG unless nodes can fetch a file there. */
export function checkAddress(uri: string): void {
  if (uri.includes("#"))
    throw new AssayError("BAD_CONFIG", `${uri}: leave out the fragment; the dimensions' values are added`);
  const { cids, plain } = readAddresses([uri]);
  if (cids.length + plain.length === 0)
    throw new AssayError("BAD_CONFIG", `"${uri}" is no address of a file, such as ipfs://CID or https://...`);
  try {
    plain.forEach(parseUrl);
  } catch (cause) {
    throw new AssayError("BAD_CONFIG", `"${uri}" cannot be fetched: ${messageOf(cause)}`, { cause });
  }
}

/** A place and how it is tried. */
interface Place {
  /** Without anything that may be secret in its address. */
  readonly name: string;
  readonly attempt: Attempt<LocalFile>;
}

interface Failure {
  readonly name: string;
  readonly error: AssayError;
}

async function noting(failures: Failure[], { name, attempt }: Place, runner: Runner): Promise<LocalFile> {
  try {
    return await attempt(runner);
  } catch (error) {
    if (error instanceof AssayError && !runner.signal.aborted) failures.push({ name, error });
    throw error;
  }
}

/** What an address leads to says more than that others have nothing. */
function failureOf(sha256: Hex, failures: readonly Failure[]): AssayError {
  if (failures.length === 0)
    return new AssayError("CONTENT_UNAVAILABLE", `no address of ${sha256} can be fetched`, {
      retryable: true,
    });
  const telling = failures.find(({ error }) => error.code !== "CONTENT_UNAVAILABLE") ?? failures[0];
  const reasons = failures.slice(0, MAX_REASONS).map(({ name, error }) => `${name}: ${messageOf(error)}`);
  const more = failures.length - reasons.length;
  const text = `${reasons.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
  return new AssayError(telling?.error.code ?? "CONTENT_UNAVAILABLE", `${sha256} cannot be had: ${text}`, {
    retryable: failures.some(({ error }) => error.retryable),
  });
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  received: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    received(chunk.length);
    yield chunk;
  }
}

/** @returns at most `most` of them, all if there are no more, in an order that nobody can foresee. */
function drawn<T>(items: readonly T[], most: number): T[] {
  const left = [...items];
  for (let i = left.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [left[i], left[j]] = [left[j] as T, left[i] as T];
  }
  return left.slice(0, most);
}

function alternated<T>(first: readonly T[], second: readonly T[]): T[] {
  const length = Math.max(first.length, second.length);
  return Array.from({ length }, (_, i) => [...first.slice(i, i + 1), ...second.slice(i, i + 1)]).flat();
}

function unique(all: readonly Source[]): Source[] {
  const byBase = new Map<string, Source>();
  for (const source of all) if (!byBase.has(source.base)) byBase.set(source.base, source);
  return [...byBase.values()];
}

function trimmed(base: string): string {
  return base.replace(/\/+$/, "");
}

export function createFetcher(store: ContentStore, client: HttpClient, options: FetchOptions = {}): Fetcher {
  const { maxBytes = DEFAULT_MAX_BYTES, mirrors = [], gateways = [], peers = () => [] } = options;
  const sources = createSources(options.onRest);
  const turn = pLimit(MAX_FETCHES);
  const running = new Map<string, Promise<LocalFile>>();

  /** Other nodes; of those that many announce, a few by lot. */
  function strangers(): Source[] {
    const known = mirrors.map(trimmed);
    const others = peers()
      .map(trimmed)
      .filter((base) => !known.includes(base));
    return drawn(others, MAX_PEERS).map((base) => ({ base, trusted: false }));
  }

  const own = mirrors.map((base): Source => ({ base: trimmed(base), trusted: true }));
  const chosen = gateways.map((base): Source => ({ base: trimmed(base), trusted: true }));

  async function byCid(
    sha256: Hex,
    cid: CID,
    candidates: readonly Source[],
    signal: AbortSignal,
  ): Promise<LocalFile> {
    const into = await store.receive(sha256);
    try {
      await assemble(cid, into, { client, sources, candidates, maxBytes, signal });
      return await into.finish();
    } finally {
      await into.close();
    }
  }

  function plainly(sha256: Hex, source: Source, url: string): Attempt<LocalFile> {
    return async ({ signal, received }) => {
      if (sources.pick([source]) === undefined)
        throw new AssayError("CONTENT_UNAVAILABLE", "failed lately, and is asked again later", {
          retryable: true,
        });
      const end = sources.begin(source);
      try {
        const content = counted(client.stream({ url, trusted: source.trusted, maxBytes, signal }), received);
        const file = await store.put(content, { expected: sha256, maxBytes });
        end(file.size);
        return file;
      } catch (error) {
        const theirs = error instanceof AssayError && error.code !== "STORAGE_FULL" && !signal.aborted;
        end(theirs ? error : undefined);
        throw error;
      }
    };
  }

  /** In the order in which they are begun: what the owner chose, then strangers' places by turns. */
  function attempts(sha256: Hex, uris: readonly string[]): Place[] {
    const { cids, plain, bases } = readAddresses(uris);
    const path = `/content/${sha256.slice(2).toLowerCase()}`;
    const others = strangers();
    const named = bases.map((base): Source => ({ base, trusted: false }));
    const candidates = unique([...own, ...chosen, ...others, ...named]);
    const oneByOne = pLimit(1);
    const at = (node: Source): Place => ({
      name: hostOf(node.base),
      attempt: plainly(sha256, node, `${node.base}${path}`),
    });
    return [
      ...cids.map((cid) => ({
        name: cid.toString(),
        attempt: ({ signal }: { readonly signal: AbortSignal }) =>
          oneByOne(() => byCid(sha256, cid, candidates, signal)),
      })),
      ...own.map(at),
      ...alternated(
        // That one address has another file than this release says is no fault of its host, nor even of the address.
        plain.map((url) => ({
          name: hostOf(url),
          attempt: plainly(sha256, { base: `${url}#${sha256}`, trusted: false }, url),
        })),
        others.map(at),
      ),
    ];
  }

  async function find(sha256: Hex, uris: readonly string[]): Promise<LocalFile> {
    const local = await store.find(sha256);
    if (local !== undefined) return local;
    const places = attempts(sha256, uris);
    const failures: Failure[] = [];
    const next = (): Attempt<LocalFile> | undefined => {
      const place = places.shift();
      return place && ((runner) => noting(failures, place, runner));
    };
    try {
      return await firstOf(next, { ...RACE, signal: AbortSignal.timeout(FETCH_MS) });
    } catch (error) {
      if (error instanceof AssayError) throw error;
      throw failureOf(sha256, failures);
    }
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
