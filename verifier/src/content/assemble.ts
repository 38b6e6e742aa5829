/** Fetches the file behind a CID block by block, each from whoever is likely to send it soonest, each checked before it is used. */
import type { CID } from "multiformats/cid";
import pLimit from "p-limit";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { digestOf, isBlockOf, RAW } from "./cid.ts";
import type { HttpClient } from "./client.ts";
import { blockCounter, declaredSize, MAX_BLOCK_BYTES, readNode, type Place } from "./dag.ts";
import type { Partial } from "./partial.ts";
import { hostOf } from "../setup/endpoint.ts";
import { firstOf, type Attempt, type RaceOptions } from "./race.ts";
import { isBlameless, type Source, type Sources } from "./sources.ts";

/** Blocks on their way at once. */
const PARALLEL = 6;

export interface AssembleOptions {
  readonly client: HttpClient;
  readonly sources: Sources;
  readonly candidates: readonly Source[];
  /** Of the whole file. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** For one block; the slow cost little. */
const RACE: RaceOptions = {
  patienceMs: 1500,
  minBytes: Infinity,
  most: 16,
  isFatal: (error) => !(error instanceof AssayError),
};

/** Asks for blocks; remembers who does not have this file. */
function blockFetcher({ client, sources, candidates }: AssembleOptions, stopped: AbortSignal) {
  let askable = candidates;

  async function ask(source: Source, cid: CID, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const end = sources.begin(source);
    try {
      const url = `${source.base}/ipfs/${cid.toString()}?format=raw`;
      const accept = "application/vnd.ipld.raw";
      const bytes = await client.bytes({
        ...{ url, accept, signal },
        trusted: source.trusted,
        maxBytes: MAX_BLOCK_BYTES,
      });
      if (!(await isBlockOf(cid, bytes)))
        throw new AssayError("CONTENT_MISMATCH", "sends another block than it was asked for");
      end(bytes.length);
      return bytes;
    } catch (error) {
      if (!(error instanceof AssayError)) throw error;
      // What we ourselves broke off is nobody's fault.
      end(signal.aborted ? undefined : error);
      if (isBlameless(error)) askable = askable.filter((other) => other !== source);
      const options = { retryable: true, cause: error };
      throw new AssayError("CONTENT_UNAVAILABLE", `${hostOf(source.base)}: ${error.message}`, options);
    }
  }

  return async (cid: CID): Promise<Uint8Array<ArrayBuffer>> => {
    let left = askable;
    const next = (): Attempt<Uint8Array<ArrayBuffer>> | undefined => {
      const source = sources.pick(left);
      left = left.filter((other) => other !== source);
      return source && (({ signal }) => ask(source, cid, signal));
    };
    try {
      return await firstOf(next, { ...RACE, signal: stopped });
    } catch (error) {
      if (!(error instanceof AggregateError)) throw error;
      const reasons = error.errors.map(messageOf).join("; ");
      const message = `nobody who may be asked has ${cid.toString()}${reasons && `: ${reasons}`}`;
      throw new AssayError("CONTENT_UNAVAILABLE", message, { retryable: true, cause: error });
    }
  };
}

function wrongSize(): AssayError {
  return new AssayError("CONTENT_MISMATCH", "not a UnixFS file: a leaf has another size than its node says");
}

/**
 * Fills a partial file with the one behind a CID. What it holds already is not fetched again.
 * @throws {AssayError} CONTENT_UNAVAILABLE (retryable), CONTENT_TOO_LARGE, CONTENT_MISMATCH (no UnixFS file), STORAGE_FULL (retryable).
 */
export async function assemble(root: CID, into: Partial, options: AssembleOptions): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, options.signal]);
  const fetchBlock = blockFetcher(options, signal);
  const limit = pLimit(PARALLEL);
  const turn = <T>(run: () => Promise<T>): Promise<T> =>
    limit(() => {
      signal.throwIfAborted();
      return run();
    });
  /** Nodes that are being read or fetched, by digest. */
  const nodes = new Map<Hex, Promise<Uint8Array<ArrayBuffer>>>();
  /** Where each leaf is first needed, once it is there. The same bytes may stand in many places. */
  const leaves = new Map<Hex, Promise<Place>>();

  async function loadNode(cid: CID): Promise<Uint8Array<ArrayBuffer>> {
    const known = await into.node(cid);
    if (known !== undefined) return known;
    const bytes = await fetchBlock(cid);
    await into.addNode(cid, bytes);
    return bytes;
  }

  function nodeAt(cid: CID): Promise<Uint8Array<ArrayBuffer>> {
    const key = digestOf(cid);
    const loading = nodes.get(key) ?? loadNode(cid).finally(() => nodes.delete(key));
    nodes.set(key, loading);
    return loading;
  }

  async function fetchLeaf(place: Place): Promise<Place> {
    if (await into.has(place)) return place;
    const bytes = await fetchBlock(place.cid);
    if (bytes.length !== place.size) throw wrongSize();
    await into.write(place.offset, bytes);
    return place;
  }

  async function copyLeaf(from: Place, to: Place): Promise<void> {
    if (from.size !== to.size) throw wrongSize();
    await into.copy(from, to.offset);
  }

  async function visit(place: Place, count: ReturnType<typeof blockCounter>): Promise<void> {
    if (place.cid.code === RAW) {
      const key = digestOf(place.cid);
      const first = leaves.get(key);
      const coming = first ?? turn(() => fetchLeaf(place));
      leaves.set(key, coming);
      // Each place waits in its turn: a hundred thousand that wait for one leaf would all go on at once.
      if (first === undefined) await coming;
      else await turn(async () => copyLeaf(await coming, place));
      return;
    }
    const { data, children } = await turn(async () => readNode(place, await nodeAt(place.cid)));
    count(children);
    if (data.length > 0) await into.write(place.offset, data);
    await Promise.all(children.map((child) => visit(child, count)));
  }

  try {
    const first = root.code === RAW ? await fetchBlock(root) : await nodeAt(root);
    const size = root.code === RAW ? first.length : declaredSize(first);
    if (size > options.maxBytes)
      throw new AssayError(
        "CONTENT_TOO_LARGE",
        `${size} bytes, more than ${options.maxBytes}: raise the limit to accept it`,
      );
    await into.resize(size);
    if (root.code === RAW) await into.write(0, first);
    else await visit({ cid: root, offset: 0, size, depth: 0 }, blockCounter(size));
  } finally {
    stop.abort();
  }
}
