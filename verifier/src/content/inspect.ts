/** Hashes of files, computed off the main thread: at a few hundred megabytes a second a model would block it for seconds. */
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { CID } from "multiformats/cid";
import pLimit from "p-limit";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { digest, rawCid } from "./cid.ts";
import { LEAF_BYTES, type Dag } from "./dag.ts";

/** What the worker is told. */
export interface InspectJob {
  readonly path: string;
  /** Whether the nodes of the file's DAG are wanted. */
  readonly dag: boolean;
}

/** What the worker says. */
export interface InspectReply {
  readonly sha256: Hex;
  readonly size: number;
  readonly root: Uint8Array | undefined;
  readonly nodes: readonly (readonly [cid: Uint8Array, bytes: Uint8Array])[];
}

export interface Inspection<D> {
  readonly sha256: Hex;
  readonly size: number;
  readonly dag: D;
}

/** One at a time: the others would only take turns on the disk. */
const turn = pLimit(1);

async function ask(job: InspectJob): Promise<InspectReply> {
  // Node strips the types itself: no environment and no loaders.
  const url = new URL("./inspect.worker.ts", import.meta.url);
  const worker = new Worker(url, { workerData: job, execArgv: [], env: {} });
  try {
    const [reply] = (await once(worker, "message")) as [InspectReply];
    return reply;
  } catch (cause) {
    const message = `cannot read ${job.path}: ${messageOf(cause)}`;
    throw new AssayError("CONTENT_UNAVAILABLE", message, { retryable: true, cause });
  } finally {
    void worker.terminate();
  }
}

/** A file of one leaf is not worth a thread. @returns undefined if this is a larger one. */
async function small(path: string): Promise<Inspection<undefined> | undefined> {
  const { size } = await stat(path);
  if (size > LEAF_BYTES) return undefined;
  const file = new Uint8Array(await readFile(path));
  return { sha256: await digest(file), size: file.length, dag: undefined };
}

/** @throws {AssayError} CONTENT_UNAVAILABLE if the file cannot be read. */
export async function hashFile(path: string): Promise<Inspection<undefined>> {
  const known = await small(path);
  if (known !== undefined) return known;
  const { sha256, size } = await turn(() => ask({ path, dag: false }));
  return { sha256, size, dag: undefined };
}

/** With the nodes of the file's own DAG. @throws {AssayError} as {@link hashFile}. */
export async function inspectFile(path: string): Promise<Inspection<Dag>> {
  const known = await small(path);
  if (known !== undefined) return { ...known, dag: { root: rawCid(known.sha256), nodes: [] } };
  const { sha256, size, root, nodes } = await turn(() => ask({ path, dag: true }));
  if (root === undefined) throw new TypeError("the worker gave no root");
  const dag = {
    root: CID.decode(root),
    nodes: nodes.map(([cid, bytes]) => [CID.decode(cid), bytes] as const),
  };
  return { sha256, size, dag };
}
