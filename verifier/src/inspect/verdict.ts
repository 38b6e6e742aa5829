/** A published answer against the exact one, element by element. Pure. */
import { isFloat } from "../../../program/src/dtype.ts";
import { canonicalise } from "../../../program/src/onnx/host.ts";
import {
  byteLengthOf,
  elementBytes,
  elementsOf,
  splitBlob,
  type TensorSpec,
} from "../../../sdk/src/tensor.ts";
import { firstWrongElement, type Tolerance } from "../judge/tolerance.ts";
import { elementOf, float32Of, placeOf, type Scalar } from "./scalar.ts";

export interface ComparedElement {
  readonly element: number;
  /** Its coordinates, `[0, 3]`. */
  readonly place: string;
  readonly published: Scalar;
  readonly exact: Scalar;
  /** |published - exact|; undefined where one of them is not finite. */
  readonly deviation: number | undefined;
  /** The most that the release's tolerance allows here. */
  readonly allowed: number;
  /** False: the published bytes are no element that a right answer can have, such as a negative zero. */
  readonly canonical: boolean;
}

export interface ComparedOutput {
  readonly name: string;
  readonly elements: number;
  /** Elements whose bytes differ, whether within the tolerance or not. */
  readonly differing: number;
  /** Elements that the referee judges wrong. */
  readonly wrong: number;
  /** The first one: what a dispute would be about if the trace were honest. */
  readonly firstWrong: ComparedElement | undefined;
  /** The one that deviates most, if any does. */
  readonly worst: ComparedElement | undefined;
}

function compareElement(
  spec: TensorSpec,
  published: Uint8Array,
  exact: Uint8Array,
  element: number,
  tolerance: Tolerance,
): ComparedElement {
  const [found, right] = [elementOf(spec.dtype, published, element), elementOf(spec.dtype, exact, element)];
  const deviation = Math.abs(found.value - right.value);
  const allowed = isFloat(spec.dtype)
    ? float32Of(tolerance.atol) + float32Of(tolerance.rtol) * Math.abs(right.value)
    : 0;
  const width = elementBytes(spec.dtype);
  const bytes = published.slice(element * width, (element + 1) * width);
  return {
    element,
    place: placeOf(element, spec.shape),
    published: found,
    exact: right,
    deviation: Number.isFinite(deviation) ? deviation : undefined,
    allowed,
    canonical: Buffer.compare(canonicalise(spec.dtype, new Uint8Array(bytes)), bytes) === 0,
  };
}

function compareOutput(
  spec: TensorSpec,
  published: Uint8Array,
  exact: Uint8Array,
  tolerance: Tolerance,
): ComparedOutput {
  const width = elementBytes(spec.dtype);
  let [differing, wrong] = [0, 0];
  let firstWrong: ComparedElement | undefined;
  let worst: ComparedElement | undefined;
  for (let element = 0; element < elementsOf(spec); element++) {
    const part = (data: Uint8Array): Uint8Array => data.subarray(element * width, (element + 1) * width);
    if (Buffer.compare(part(published), part(exact)) === 0) continue;
    differing++;
    const compared = compareElement(spec, published, exact, element, tolerance);
    if ((compared.deviation ?? Infinity) > (worst === undefined ? -1 : (worst.deviation ?? Infinity)))
      worst = compared;
    if (firstWrongElement(spec.dtype, part(exact), part(published), tolerance) === undefined) continue;
    wrong++;
    firstWrong ??= compared;
  }
  return { name: spec.name, elements: elementsOf(spec), differing, wrong, firstWrong, worst };
}

/**
 * @param specs The model's outputs. @param published The answer's blob. @param exact The exact interpreter's.
 * @throws {AssayError} BAD_TENSOR if a blob has another length than the outputs.
 */
export function compareAnswer(
  specs: readonly TensorSpec[],
  published: Uint8Array,
  exact: Uint8Array,
  tolerance: Tolerance,
): ComparedOutput[] {
  const [found, right] = [splitBlob(specs, published), splitBlob(specs, exact)];
  return specs.map((spec, i) => {
    const empty = new Uint8Array(byteLengthOf(spec));
    return compareOutput(spec, found[i] ?? empty, right[i] ?? empty, tolerance);
  });
}

export function isRight(outputs: readonly ComparedOutput[]): boolean {
  return outputs.every(({ wrong }) => wrong === 0);
}
