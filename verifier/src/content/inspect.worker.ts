/** Worker thread of `inspect.ts`. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import type { InspectJob, InspectReply } from "./inspect.ts";

/** One leaf. */
const CHUNK_BYTES = 2 ** 20;

const { path, dag } = workerData as InspectJob;
const hash = createHash("sha256");
let size = 0;

async function* chunks(): AsyncGenerator<Uint8Array> {
  const file: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  for await (const chunk of file) {
    hash.update(chunk);
    size += chunk.length;
    yield chunk;
  }
}

async function inspect(): Promise<InspectReply> {
  if (!dag) {
    const rest = chunks();
    while ((await rest.next()).done !== true);
    return { sha256: `0x${hash.digest("hex")}`, size, root: undefined, nodes: [] };
  }
  // Takes longer to load than most files to hash.
  const { buildDag } = await import("./dag.ts");
  const { root, nodes } = await buildDag(chunks());
  const plain = nodes.map(([cid, bytes]) => [cid.bytes, bytes] as const);
  return { sha256: `0x${hash.digest("hex")}`, size, root: root.bytes, nodes: plain };
}

parentPort?.postMessage(await inspect());
