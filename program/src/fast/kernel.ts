/**
 * The choice of a block kernel for a body on given operands.
 */
import { isFloat, isInteger, type DTypeName } from "../dtype.ts";
import type { Body } from "../instruction.ts";
import { isIntegerOperand, type Kernel, type Operand } from "./body.ts";
import { copyKernel, keyKernel, requantizeKernel, satKernel } from "./convert.ts";
import { elementaryKernel } from "./elementary.ts";
import { integerKernel, plainKernel, type IntegerKernel } from "./integer.ts";
import { realKernel } from "./real.ts";
import { SAFE_BITS, VALUE_BITS } from "./tensor.ts";

type Operands = readonly [Operand, Operand, Operand];

function withResult(kernel: Kernel | undefined, result: number): IntegerKernel | undefined {
  return kernel && { kernel, result };
}

/**
 * A kernel whose results the store of dtype `name` makes the right elements. where, seleq and first choose among operands that are
 * copied first: they are not bodies here.
 * @returns undefined if the naive interpreter has to do it.
 */
export function kernelOf(body: Body, name: DTypeName, operands: Operands): IntegerKernel | undefined {
  const [a, b] = operands;
  if (operands.some((o) => o.dtype === "acc" || o.bits > SAFE_BITS)) return undefined;
  switch (body) {
    case "copy":
      return withResult(copyKernel(name, a), isInteger(a.dtype) ? a.bits : VALUE_BITS[name]);
    case "sat":
      return withResult(satKernel(name, a), VALUE_BITS[name]);
    case "key":
      return withResult(keyKernel(a.dtype), 31);
    case "qmul":
    case "qdiv":
      return withResult(requantizeKernel(body, name, operands), VALUE_BITS[name]);
    case "exp":
    case "expm1":
    case "log":
    case "log1p":
    case "sin":
    case "cos":
    case "atan":
    case "tanh":
    case "erf":
    case "pow":
      if (a.dtype !== name || (body === "pow" && b.dtype !== name)) return undefined;
      return withResult(elementaryKernel(body, name), Infinity);
    case "eq":
    case "ne":
    case "lt":
    case "le":
      return withResult(plainKernel(body), 0);
    default:
      break;
  }
  if (isFloat(name)) return withResult(realKernel(body, name, operands) ?? plainKernel(body), Infinity);
  return operands.every(isIntegerOperand) ? integerKernel(body, name, operands) : undefined;
}
