/**
 * Whether a program does for several rows at once what another does for one: a proof, since the file that both come from may be
 * hostile, and mix its rows on inputs that no test meets.
 *
 * Tensors of the two programs are paired as *shared*, the same elements, or as *rows*: part b of the one is what the other is for row
 * b of the inputs. Inputs are rows. An instruction's tensor is rows if its outermost iteration can be split into b and the rest, so
 * that with b fixed it is its partner, but that addresses of operands that are rows are b rows further. Operands come before
 * what reads them, so all are as they were paired by induction, and the outputs are rows.
 *
 * It holds for the number of rows of `many` alone. Two rows say nothing of three: a file may calculate with its batch size.
 */
import {
  outElements,
  product,
  type Affine,
  type Axis,
  type Constant,
  type Instruction,
  type Load,
  type Program,
  type ProgramInput,
  type TensorLoad,
} from "./instruction.ts";
import { alwaysInRange, bounds, ZERO } from "./lower/affine.ts";

/** c0, then a coefficient for each dimension of the space in which two instructions are compared; that of b, if any, is first. */
type Coefficients = readonly number[];

/** An instruction's iteration space, and how its expressions read in the common one. */
interface View {
  readonly sizes: readonly number[];
  readonly coefficients: (at: Affine) => Coefficients;
}

/** Two instructions in their common space. */
interface Frame {
  readonly many: View;
  readonly one: View;
  /** Whether its first dimension is b; else what they compute is shared. */
  readonly hasRows: boolean;
}

interface Address {
  /** Sum over all axes that are never out of range. */
  readonly linear: Coefficients;
  readonly checked: readonly Axis[];
  /** No address in range is beyond. */
  readonly most: number;
}

/**
 * The fewest dimensions into which both lists, of one product, can be split.
 * @returns undefined if neither of two dimensions that overlap divides the other.
 */
function refinement(a: readonly number[], b: readonly number[]): number[] | undefined {
  if (product(a) !== product(b)) return undefined;
  const [left, right] = [a, b].map((dims) => dims.filter((size) => size > 1));
  const common: number[] = [];
  for (;;) {
    const [x, y] = [left?.pop(), right?.pop()];
    if (x === undefined || y === undefined) return common.reverse();
    const part = Math.min(x, y);
    if (x % part !== 0 || y % part !== 0) return undefined;
    common.push(part);
    if (x > part) left?.push(x / part);
    if (y > part) right?.push(y / part);
  }
}

/** @param common Refines the instruction's dimensions from its dimension `first` on. */
function viewOf({ outDims, redDims }: Instruction, common: readonly number[], first: number): View {
  const sizes = [...outDims, ...redDims];
  let next = first;
  const parts = sizes.map((size) => {
    const own: { readonly dim: number; readonly step: number }[] = [];
    for (let step = size; step > 1; next++) {
      step /= common[next] ?? size;
      own.push({ dim: next, step });
    }
    return own;
  });
  const coefficients = ({ c0, terms }: Affine): Coefficients => {
    const sum = [c0, ...common.map(() => 0)];
    for (const term of terms)
      for (const { dim, step } of parts[term.dim] ?? [])
        sum[dim + 1] = (sum[dim + 1] ?? 0) + term.coef * step;
    return sum;
  };
  return { sizes, coefficients };
}

function addressOf(load: TensorLoad, { sizes, coefficients }: View): Address {
  const linear = [...coefficients(ZERO)];
  const checked: Axis[] = [];
  let most = 0;
  for (const axis of load.axes) {
    const { size, stride, at } = axis;
    if (!("gather" in at) && at.div === 1 && alwaysInRange(at, size, sizes)) {
      coefficients(at).forEach((value, i) => (linear[i] = (linear[i] ?? 0) + stride * value));
      most += stride * bounds(at, sizes)[1];
    } else {
      checked.push(axis);
      most += stride * (size - 1);
    }
  }
  return { linear, checked, most };
}

/** @param step What a step of b adds to the first. */
function isShifted(many: Coefficients, one: Coefficients, step = 0): boolean {
  const shifted = step === 0 ? one : one.with(1, step);
  return many.every((value, i) => Number.isSafeInteger(value) && value === shifted[i]);
}

function isRepeated(many: Constant | undefined, one: Constant | undefined): boolean {
  if (many === undefined || one === undefined || many.dtype !== one.dtype) return false;
  const { length } = one.data;
  for (let at = 0; at < many.data.length; at += length)
    if (Buffer.compare(many.data.subarray(at, at + length), one.data) !== 0) return false;
  return true;
}

function sameAffine({ many, one }: Frame, a: Affine, b: Affine): boolean {
  return a.div === b.div && a.exact === b.exact && isShifted(many.coefficients(a), one.coefficients(b));
}

/**
 * @param many A valid program, as `one`.
 * @param rows Of `many`, at least 2.
 * @returns true only if for all inputs, each output of `many` is that of `one` for the first row of every input, then that for the
 * second, and so on.
 */
export function isBatchOf(many: Program, one: Program, rows: number): boolean {
  /** Instructions of `many`, and what they are paired with. */
  const pairs = new Map<number, number>();
  const constants = new Map<string, boolean>();

  function pair(k: number, its: number): boolean {
    const known = pairs.get(k) ?? its;
    pairs.set(k, known);
    return known === its;
  }

  function pairConstants(k: number, its: number): boolean {
    const key = `${k} ${its}`;
    const known = constants.get(key) ?? isRepeated(many.constants[k], one.constants[its]);
    constants.set(key, known);
    return known;
  }

  function pairOperands(a: TensorLoad, b: TensorLoad): boolean {
    if (a.source !== b.source || a.dtype !== b.dtype) return false;
    if (a.source === "input") return a.id === b.id;
    return a.source === "constant" ? pairConstants(a.id, b.id) : pair(a.id, b.id);
  }

  function sameTensor(frame: Frame, a: TensorLoad, b: TensorLoad): boolean {
    if (a.zero !== b.zero || a.fill !== b.fill || !pairOperands(a, b)) return false;
    const isShared = a.elements === b.elements;
    if (!isShared && (a.elements !== rows * b.elements || !frame.hasRows)) return false;
    const [mine, its] = [addressOf(a, frame.many), addressOf(b, frame.one)];
    // What is beyond the operand of one row is in the next row of many.
    if (!isShared && its.most >= b.elements) return false;
    return (
      isShifted(mine.linear, its.linear, isShared ? 0 : b.elements) &&
      mine.checked.length === its.checked.length &&
      mine.checked.every((axis, i) => sameAxis(frame, axis, its.checked[i]))
    );
  }

  function sameAxis(frame: Frame, a: Axis, b: Axis | undefined): boolean {
    if (b === undefined || a.size !== b.size || a.stride !== b.stride) return false;
    if ("gather" in a.at) return "gather" in b.at && sameTensor(frame, a.at.gather, b.at.gather);
    return !("gather" in b.at) && sameAffine(frame, a.at, b.at);
  }

  function sameLoad(frame: Frame, a: Load, b: Load | undefined): boolean {
    if (a.kind === "tensor") return b?.kind === "tensor" && sameTensor(frame, a, b);
    if (a.kind === "index") return b?.kind === "index" && sameAffine(frame, a.at, b.at);
    return b?.kind === "literal" && a.dtype === b.dtype && a.bits === b.bits;
  }

  function sameInstruction(a: Instruction, b: Instruction | undefined): boolean {
    if (a.body !== b?.body || a.fold !== b.fold || a.dtype !== b.dtype) return false;
    if (a.loads.length !== b.loads.length) return false;
    const hasRows = outElements(a) !== outElements(b);
    const out = refinement(a.outDims, hasRows ? [rows, ...b.outDims] : b.outDims);
    const red = refinement(a.redDims, b.redDims);
    if (out === undefined || red === undefined || (hasRows && out[0] !== rows)) return false;
    const common = [...out, ...red];
    const frame = { many: viewOf(a, common, 0), one: viewOf(b, common, hasRows ? 1 : 0), hasRows };
    return a.loads.every((load, i) => sameLoad(frame, load, b.loads[i]));
  }

  const isRows = (a: ProgramInput, b: ProgramInput | undefined): boolean =>
    a.dtype === b?.dtype && a.elements === rows * b.elements;
  if (many.inputs.length !== one.inputs.length || many.outputs.length !== one.outputs.length) return false;
  if (!many.inputs.every((input, i) => isRows(input, one.inputs[i]))) return false;
  for (const [i, output] of many.outputs.entries()) {
    const its = one.outputs[i];
    if (its === undefined || !isRows(output, its) || !pair(output.instruction, its.instruction)) return false;
  }
  // What reads an instruction stands behind it: whatever is paired at all is so by its turn.
  for (let k = many.instructions.length - 1; k >= 0; k--) {
    const [instruction, its] = [many.instructions[k], pairs.get(k)];
    if (instruction === undefined || its === undefined) continue;
    if (!sameInstruction(instruction, one.instructions[its])) return false;
  }
  return true;
}
