/** Worker thread of `hashing.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { hashed, type HashOrder } from "./hashing.ts";
import { tensorRoot } from "./merkle.ts";

const waiting = workerData as Int32Array;
let roots: Uint8Array[] = [];
parentPort?.on("message", (order: HashOrder) => {
  if (order.kind === "end") {
    parentPort?.postMessage(roots);
    roots = [];
    return;
  }
  for (const { index, data } of order.tensors) {
    roots[index] = tensorRoot(data);
    hashed(waiting, data);
  }
});
