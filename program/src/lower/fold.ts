/**
 * Evaluation of instructions whose operands are all known.
 */
import { runProgram } from "../fast/run.ts";
import { product, type Constant, type Instruction, type TensorLoad } from "../instruction.ts";
import type { HostTensor } from "../onnx/host.ts";

/** The output of an instruction whose tensor loads are all constants. */
export function evaluateConstant(instruction: Instruction, constants: readonly HostTensor[]): Uint8Array {
  const used: Constant[] = [];
  const ids = new Map<number, number>();
  const renumber = (load: TensorLoad): TensorLoad => {
    const id = ids.get(load.id) ?? used.length;
    const constant = constants[load.id];
    if (id === used.length && constant !== undefined) used.push(constant);
    ids.set(load.id, id);
    const axes = load.axes.map((axis) =>
      "gather" in axis.at ? { ...axis, at: { gather: renumber(axis.at.gather) } } : axis,
    );
    return { ...load, id, axes };
  };
  const loads = instruction.loads.map((load) => (load.kind === "tensor" ? renumber(load) : load));
  const output = { instruction: 0, dtype: instruction.dtype, elements: product(instruction.outDims) };
  const alone = { ...instruction, loads };
  const program = {
    loweringVersion: 0,
    inputs: [],
    outputs: [output],
    constants: used,
    instructions: [alone],
  };
  const [data] = runProgram(program, []).outputs;
  if (data === undefined) throw new RangeError("an instruction without an output");
  return data;
}
