/** Worker thread of `threads.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import type { Instruction } from "../instruction.ts";
import { own } from "../simd.ts";
import type { Way } from "./compute.ts";
import type { Lookup } from "./read.ts";
import type { Tensor } from "./tensor.ts";
import { Claims, doPart, type Slots, type Split, type ThreadOrder } from "./threads.ts";

const { slots, first } = workerData as { slots: Slots; first: number };
const claims = new Claims(slots);
let program: { instructions: readonly Instruction[]; constants: readonly Tensor[] } = {
  instructions: [],
  constants: [],
};
let splits: Split[] = [];

function doParts(order: ThreadOrder & { kind: "parts" }): void {
  const { number, instruction: k, parts, inputs, tensors, out } = order;
  const instruction = program.instructions[k];
  if (instruction === undefined) return;
  const split = (splits[k] ??= { parts, plans: [] });
  const lookup: Lookup = (source, id) => {
    const found =
      source === "constant" ? program.constants[id] : (source === "input" ? inputs : tensors).get(id);
    if (found === undefined) throw new RangeError(`there is no ${source} ${id}`);
    return found;
  };
  // Each thread begins where none of the others does, the same in every run: it has packed those constants.
  for (let i = 0; i < parts.length; i++) {
    const p = (Math.floor(first * parts.length) + i) % parts.length;
    if (!claims.take(number, p)) continue;
    let way: Way | undefined;
    try {
      way = doPart(instruction, split, p, lookup, out);
    } catch {
      // The other thread tries again and reports.
    }
    claims.finish(number, p, way);
  }
}

parentPort?.on("message", (order: ThreadOrder) => {
  if (order.kind === "parts") doParts(order);
  else {
    program = order;
    splits = [];
    own(program);
  }
});
