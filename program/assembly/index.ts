/** Kernels of the fast interpreter in WebAssembly. All addresses are into the exported memory, 16 bytes aligned. */
export { elementary } from "./elementary";
export {
  compensated,
  decideF32,
  packF32,
  packF64,
  packI16,
  productF32,
  productF64,
  productI16,
} from "./matrix";
export { sha256 } from "./sha256";
export { map, narrow8, widenF32, widenI32 } from "./pointwise";
export { chooseRows, chooseRuns, decideSums, sumRows, sumRuns, sumRunsI32, truncate } from "./runs";

/** Where memory that the kernels may be given begins. */
export function heap(): usize {
  return __heap_base;
}
