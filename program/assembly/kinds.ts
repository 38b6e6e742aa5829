/** Kinds of elements in memory (program/src/fast/tensor.ts has the same); 5 is int32. */
export const F32 = 0;
export const U8 = 1;
export const I8 = 2;
export const U16 = 3;
export const I16 = 4;
