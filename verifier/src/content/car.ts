/** CAR streams (CARv1) of stored DAGs, depth first, for the trustless gateway. */
import { Readable } from "node:stream";
import { CarWriter } from "@ipld/car";
import type { CID } from "multiformats/cid";
import { AssayError } from "../../../sdk/src/error.ts";
import { digestOf, RAW } from "./cid.ts";
import { declaredSize, readNode, type Place } from "./dag.ts";
import type { ContentStore } from "./store.ts";

type Block = (cid: CID) => Promise<Uint8Array<ArrayBuffer> | undefined>;

/** Of a file; both may count from its end, if negative; `to` is inclusive, undefined: the end. */
export interface ByteRange {
  readonly from: number;
  readonly to: number | undefined;
}

export interface CarOptions {
  /** No block, the root only, or all that is below it too. */
  readonly scope: "none" | "block" | "all";
  /** Whether a block that occurs again is sent again. */
  readonly duplicates: boolean;
  /** Only what is needed to check these bytes. */
  readonly bytes?: ByteRange | undefined;
}

/** @returns the half-open range in a file of a size. */
function resolve({ from, to }: ByteRange, size: number): readonly [start: number, end: number] {
  const start = from < 0 ? size + from : from;
  const last = to === undefined ? size - 1 : to < 0 ? size + to : to;
  return [Math.max(0, start), Math.min(size, last + 1)];
}

async function* walk(
  root: CID,
  first: Uint8Array,
  block: Block,
  options: CarOptions,
): AsyncGenerator<{ cid: CID; bytes: Uint8Array }> {
  const size = root.code === RAW ? first.length : declaredSize(first);
  const [start, end] = options.bytes === undefined ? [0, size] : resolve(options.bytes, size);
  const sent = new Set<string>();
  const waiting: Place[] = [{ cid: root, offset: 0, size, depth: 0 }];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const { cid, depth } = place;
    const again = sent.has(digestOf(cid));
    const isLeaf = cid.code === RAW;
    if (again && !options.duplicates && isLeaf) continue;
    const bytes = depth === 0 ? first : await block(cid);
    // The answer has begun: it ends in the middle, which its reader notices.
    if (bytes === undefined) throw new AssayError("NOT_FOUND", `block ${cid.toString()} is gone`);
    if (!again || options.duplicates) yield { cid, bytes };
    sent.add(digestOf(cid));
    if (options.scope === "block" || isLeaf) continue;
    const { children } = readNode(place, bytes);
    const wanted = children.filter((child) => child.offset < end && child.offset + child.size > start);
    waiting.push(...wanted.reverse());
  }
}

/** @param first The root's block. */
export function carStream(
  root: CID,
  first: Uint8Array,
  store: Pick<ContentStore, "block">,
  options: CarOptions,
): Readable {
  const { writer, out } = CarWriter.create([root]);
  const stream = Readable.from(out, { objectMode: false, highWaterMark: 2 ** 16 });
  const write = async (): Promise<void> => {
    if (options.scope !== "none")
      for await (const block of walk(root, first, (cid) => store.block(cid), options))
        await writer.put(block);
    await writer.close();
  };
  write().catch((error: unknown) => stream.destroy(error instanceof Error ? error : undefined));
  return stream;
}
