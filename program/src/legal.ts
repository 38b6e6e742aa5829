/**
 * The closed table of legal (body, fold, dtypes) combinations (docs/program.md §4, §5).
 */
import { isFloat, isInteger, type DTypeName } from "./dtype.ts";
import { BODIES, isTranscendental, type Body, type Fold, type Load } from "./instruction.ts";

/** Real on a float dtype, integer on an integer dtype. */
const ARITHMETIC: readonly Body[] = [
  "add",
  "sub",
  "mul",
  "div",
  "rem",
  "neg",
  "abs",
  "min",
  "max",
  "fma",
  "floor",
  "ceil",
  "rint",
  "sign",
];
const INTEGER_ONLY: readonly Body[] = ["mod", "and", "or", "xor", "not", "shl", "shr"];
const COMPARISONS: readonly Body[] = ["eq", "ne", "lt", "le"];
const NOT_SUMMED: readonly Body[] = ["first", "div", "mod", "rem", "shl", "shr", "qmul", "qdiv"];

/** The dtype of a load's value; an index is an i64. */
export function loadDtype(load: Load): DTypeName {
  return load.kind === "index" ? "i64" : load.dtype;
}

export function legalArity(body: Body, loads: number): boolean {
  return body === "first" ? loads >= 1 && loads <= 3 : loads === BODIES[body].arity;
}

/** Whether the body maps operands of these dtypes (as many as it takes) to an element of dtype `out`, fold none. */
function legalTerm(body: Body, out: DTypeName, operands: readonly DTypeName[]): boolean {
  if (out === "acc" || operands.includes("acc"))
    return body === "copy" && !isInteger(out) && operands.every((d) => !isInteger(d));
  if (ARITHMETIC.includes(body)) return isFloat(out) || operands.every(isInteger);
  if (INTEGER_ONLY.includes(body)) return isInteger(out) && operands.every(isInteger);
  if (isTranscendental(body)) return isFloat(out) && operands.every((d) => d === out);
  if (COMPARISONS.includes(body)) return out === "bool";
  switch (body) {
    case "sqrt":
      return isFloat(out);
    case "sat":
      return isInteger(out);
    case "where":
      return operands[0] === "bool";
    case "key":
      return out === "i32" && operands.every(isFloat);
    case "qmul":
    case "qdiv":
      return isInteger(out) && operands[1] === "f32" && operands.slice(2).every(isInteger);
    default:
      // copy, seleq, first: any conversion
      return true;
  }
}

/** Whether the combination is legal for these operand dtypes, in the order of the loads. */
export function isLegal(body: Body, fold: Fold, out: DTypeName, operands: readonly DTypeName[]): boolean {
  if (!legalArity(body, operands.length)) return false;
  switch (fold) {
    case "none":
      return legalTerm(body, out, operands);
    case "sum":
      if (isInteger(out))
        return operands.every(isInteger) && !NOT_SUMMED.includes(body) && legalTerm(body, out, operands);
      if (body === "copy") return operands.every((d) => !isInteger(d));
      return body === "mul" && operands.every(isFloat);
    case "min":
    case "max":
    case "maxnum":
      return out !== "bool" && out !== "acc" && !operands.includes("acc") && legalTerm(body, out, operands);
    case "osum":
    case "oprod":
      return isFloat(out) && !operands.includes("acc") && legalTerm(body, out, operands);
  }
}
