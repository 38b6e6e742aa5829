/**
 * Moving elements of constants about, which needs no arithmetic.
 */
import { dtype } from "../dtype.ts";
import { product, type Affine, type Instruction, type TensorLoad } from "../instruction.ts";
import { alwaysInRange, coefOf } from "./affine.ts";
import type { HostTensor } from "../onnx/host.ts";

/** Whether an instruction only moves elements: a copy without conversion, gathering or zero point. */
export function isPlainCopy(instruction: Instruction): boolean {
  const [load] = instruction.loads;
  if (instruction.body !== "copy" || instruction.fold !== "none") return false;
  if (load?.kind === "literal") return load.dtype === instruction.dtype;
  if (load?.kind !== "tensor" || load.dtype !== instruction.dtype || load.zero !== undefined) return false;
  return load.axes.every((axis) => !("gather" in axis.at));
}

/** The output of a plain copy of a constant. */
export function copyElements(instruction: Instruction, constants: readonly HostTensor[]): Uint8Array {
  const { outDims } = instruction;
  const { bytes } = dtype(instruction.dtype);
  const count = product(outDims);
  const result = new Uint8Array(count * bytes);
  const out = wordsOf(result, bytes);
  const [load] = instruction.loads;
  const bits = load?.kind === "literal" ? load.bits : load?.kind === "tensor" ? (load.fill ?? 0n) : 0n;
  const outside = wordsOf(bytesOfBits(bits, bytes), bytes);
  const tensor = load?.kind === "tensor" ? load : undefined;
  const source = wordsOf((tensor && constants[tensor.id]?.data) ?? new Uint8Array(0), bytes);
  const width = out.length / count;
  const last = outDims.length - 1;
  // Where nothing is ever out of range, the last dimension is a run of even steps.
  const step = tensor && evenStep(tensor, last, outDims);
  const run = step === undefined ? 1 : (outDims[last] ?? 1);
  const index = outDims.map(() => 0);
  for (let i = 0; i < count; i += run) {
    const address = tensor && addressOf(tensor, index);
    const from = address === undefined ? outside : source;
    const stride = (step ?? 0) * width;
    let at = (address ?? 0) * width;
    for (let k = i * width; k < (i + run) * width; k += width, at += stride)
      for (let word = 0; word < width; word++) out[k + word] = from[at + word] ?? 0;
    for (let d = step === undefined ? last : last - 1; d >= 0; d--) {
      const next = (index[d] ?? 0) + 1;
      index[d] = next < (outDims[d] ?? 1) ? next : 0;
      if (index[d] !== 0) break;
    }
  }
  return result;
}

/** Elements as words of at most 4 bytes. */
function wordsOf(data: Uint8Array, bytes: number): Uint8Array | Uint16Array | Uint32Array {
  if (bytes === 1) return data;
  const aligned = data.byteOffset % Math.min(bytes, 4) === 0 ? data : data.slice();
  if (bytes === 2) return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

function bytesOfBits(bits: bigint, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, k) => Number((bits >> BigInt(8 * k)) & 255n));
}

/** How far the address moves with dimension `dim`, if no iteration is out of range. */
function evenStep(load: TensorLoad, dim: number, sizes: readonly number[]): number | undefined {
  let step = 0;
  for (const { size, stride, at } of load.axes) {
    if ("gather" in at || at.div !== 1 || !alwaysInRange(at, size, sizes)) return undefined;
    step += coefOf(at, dim) * stride;
  }
  return step;
}

function addressOf(load: TensorLoad, index: readonly number[]): number | undefined {
  let address = 0;
  for (const { size, stride, at } of load.axes) {
    const coordinate = "gather" in at ? undefined : coordinateOf(at, index);
    if (coordinate === undefined || coordinate < 0 || coordinate >= size) return undefined;
    address += coordinate * stride;
  }
  return address;
}

/** The value of an affine expression, or undefined if it must divide and does not. */
export function coordinateOf(a: Affine, index: readonly number[]): number | undefined {
  let sum = a.c0;
  for (const { dim, coef } of a.terms) sum += coef * (index[dim] ?? 0);
  return a.exact && sum % a.div !== 0 ? undefined : Math.floor(sum / a.div);
}
