/**
 * TensorProto -> checked host tensor (ONNX IR, "Tensors").
 */
import { dtype, type DTypeName } from "../dtype.ts";
import { product } from "../instruction.ts";
import { ModelError } from "./error.ts";
import { TensorProto_DataLocation, TensorProto_DataType as T, type TensorProto } from "./gen/onnx-ml_pb.js";
import { canonicalise, type HostTensor, type NarrowBits } from "./host.ts";

export const MAX_RANK = 32;
export const MAX_ELEMENTS = 2 ** 32 - 1;

const DTYPE_OF = new Map<number, DTypeName>([
  [T.BOOL, "bool"],
  [T.UINT8, "u8"],
  [T.INT8, "i8"],
  [T.UINT16, "u16"],
  [T.INT16, "i16"],
  [T.UINT32, "u32"],
  [T.INT32, "i32"],
  [T.UINT64, "u64"],
  [T.INT64, "i64"],
  [T.FLOAT16, "f16"],
  [T.BFLOAT16, "bf16"],
  [T.FLOAT, "f32"],
]);

/** Types of which several elements share a byte; here each has its own. */
const NARROW = new Map<number, ElementType>([
  [T.INT4, { dtype: "i8", bits: 4 }],
  [T.UINT4, { dtype: "u8", bits: 4 }],
  [T.INT2, { dtype: "i8", bits: 2 }],
  [T.UINT2, { dtype: "u8", bits: 2 }],
]);

export interface ElementType {
  readonly dtype: DTypeName;
  /** Absent: all of the dtype's. */
  readonly bits?: NarrowBits | undefined;
}

/** @throws {ModelError} UNSUPPORTED_DTYPE for double, strings, complex numbers and 8-bit and 4-bit floats. */
export function elementType(elemType: number, what: string): ElementType {
  const name = DTYPE_OF.get(elemType);
  const found = name === undefined ? NARROW.get(elemType) : { dtype: name };
  if (found === undefined)
    throw new ModelError("UNSUPPORTED_DTYPE", `${what} has element type ${T[elemType] ?? elemType}`);
  return found;
}

/** @throws {ModelError} for a negative or huge dimension, too many of them or too many elements. */
export function checkShape(dims: readonly (number | bigint)[], what: string): number[] {
  if (dims.length > MAX_RANK) throw new ModelError("TOO_LARGE", `${what} has rank ${dims.length}`);
  const shape = dims.map(Number);
  if (shape.some((dim) => dim < 0)) throw new ModelError("MALFORMED", `${what} has a negative dimension`);
  if (shape.some((dim) => dim > MAX_ELEMENTS) || product(shape) > MAX_ELEMENTS)
    throw new ModelError("TOO_LARGE", `${what} has shape [${shape.join(", ")}]`);
  return shape;
}

/** The typed field that holds a tensor's elements when raw_data does not, as bytes. */
function typedData(proto: TensorProto, name: DTypeName): Uint8Array {
  if (name === "f32") return bytesOf(Float32Array.from(proto.floatData));
  if (name === "i64") return bytesOf(BigInt64Array.from(proto.int64Data));
  if (name === "u64" || name === "u32") {
    const wide = BigUint64Array.from(proto.uint64Data);
    return name === "u64" ? bytesOf(wide) : bytesOf(Uint32Array.from(wide, Number));
  }
  // f16 and bf16 come as bit patterns.
  const numbers = proto.int32Data;
  if (name === "i32") return bytesOf(Int32Array.from(numbers));
  return dtype(name).bytes === 2 ? bytesOf(Uint16Array.from(numbers)) : bytesOf(Uint8Array.from(numbers));
}

/** Elements of `bits` bits, the first in the lowest bits of a byte, to one byte each. */
function unpack(packed: Uint8Array, count: number, name: DTypeName, bits: NarrowBits): Uint8Array {
  const perByte = 8 / bits;
  const unsigned = (i: number) =>
    ((packed[Math.floor(i / perByte)] ?? 0) >> (bits * (i % perByte))) & (2 ** bits - 1);
  const sign = name === "i8" ? 2 ** (bits - 1) : 0;
  return Uint8Array.from({ length: count }, (_, i) => (unsigned(i) ^ sign) - sign);
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** @throws {ModelError} if the tensor is external, of an unsupported type, or its bytes do not match its shape. */
export function hostTensor(proto: TensorProto, what: string): HostTensor {
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL || proto.externalData.length > 0)
    throw new ModelError("EXTERNAL_DATA", `${what} is stored outside the file`);
  if (proto.segment !== undefined) throw new ModelError("MALFORMED", `${what} is segmented`);
  const { dtype: name, bits } = elementType(proto.dataType, what);
  const shape = checkShape(proto.dims, what);
  const raw = proto.rawData.length > 0;
  const typed =
    proto.floatData.length + proto.int32Data.length + proto.int64Data.length + proto.uint64Data.length;
  if (raw && typed > 0) throw new ModelError("MALFORMED", `${what} holds raw and typed data`);
  const count = product(shape);
  const bytes = bits === undefined ? count * dtype(name).bytes : Math.ceil((count * bits) / 8);
  const data = raw ? new Uint8Array(proto.rawData) : typedData(proto, name);
  if (data.length !== bytes)
    throw new ModelError("MALFORMED", `${what} holds ${data.length} bytes, its shape needs ${bytes}`);
  if (bits !== undefined) return { dtype: name, shape, data: unpack(data, count, name, bits), bits };
  return { dtype: name, shape, data: canonicalise(name, data) };
}
