/** The comparison of the ONNX backend tests: |a - b| <= atol + rtol·|b| for floats, equality for the rest. */
import { dtype, isFloat } from "../../program/src/dtype.ts";
import { elementBits, type HostTensor } from "../../program/src/onnx/host.ts";
import { floatValue } from "../../program/src/fast/float.ts";

export const RTOL = 1e-3;
export const ATOL = 1e-7;

/**
 * Operators whose expected data are a float32 Fourier transform's, up to 1.5e-6 away from the exact result, with 1.9e-7 where
 * that is 0: exact results miss them by more than ATOL.
 */
const INEXACT_DATA: Readonly<Record<string, number>> = { DFT: 2e-6, STFT: 2e-6 };

/** The absolute tolerance of an operator's tests. */
export function atolOf(operator: string): number {
  return INEXACT_DATA[operator] ?? ATOL;
}

function close(got: number, expected: number, atol: number): boolean {
  return (
    Object.is(got, expected) ||
    got === expected ||
    Math.abs(got - expected) <= atol + RTOL * Math.abs(expected)
  );
}

/** @returns what differs first, or undefined. */
export function difference(got: HostTensor, expected: HostTensor, atol = ATOL): string | undefined {
  const form = ({ dtype: name, shape }: HostTensor) => `${name}[${shape.join(", ")}]`;
  if (form(got) !== form(expected)) return `${form(got)} instead of ${form(expected)}`;
  const count = got.data.length / dtype(got.dtype).bytes;
  for (let i = 0; i < count; i++) {
    const [a, b] = [elementBits(got, i), elementBits(expected, i)];
    if (a === b) continue;
    if (!isFloat(got.dtype))
      return `element ${i} has the bits 0x${a.toString(16)} instead of 0x${b.toString(16)}`;
    const [x, y] = [floatValue(got.dtype, Number(a)), floatValue(got.dtype, Number(b))];
    if (!close(x, y, atol)) return `element ${i} is ${x} instead of ${y}`;
  }
  return undefined;
}
