import { expect } from "chai";
import { decodeOutput, decodeTensors } from "./decode.ts";
import { encodeInput, encodeTensors } from "./encode.ts";
import { AssayError } from "./error.ts";
import type { ElementType, Signature, TensorSpec } from "./tensor.ts";

const specs: readonly TensorSpec[] = [
  { name: "a", dtype: "i16", shape: [2, 2] },
  { name: "b", dtype: "f32", shape: [1] },
  { name: "c", dtype: "u64", shape: [2] },
  { name: "d", dtype: "bool", shape: [] },
];
const values = { a: [1, -2, 32767, -32768], b: [0.1], c: [5n, 2n ** 64n - 1n], d: [true] };

function errorOf(run: () => unknown): AssayError {
  try {
    run();
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

/** The code and details of refusing one value. */
function refusal(dtype: ElementType, shape: readonly number[], value: unknown): Record<string, unknown> {
  const { code, details } = errorOf(() => encodeTensors([{ name: "x", dtype, shape }], { x: value }));
  return { code, ...details };
}

function only(dtype: ElementType, shape: readonly number[]): Signature {
  const spec = { name: "x", dtype, shape };
  return { inputs: [spec], outputs: [spec] };
}

const hex = (blob: Uint8Array): string => Buffer.from(blob).toString("hex");

describe("encoding", () => {
  it("lays elements out little-endian, tensor after tensor, without padding", () => {
    expect(hex(encodeTensors(specs, values))).to.equal(
      "0100feffff7f0080" + "cdcccc3d" + "0500000000000000ffffffffffffffff" + "01",
    );
  });

  it("decodes what it encoded into the dtype's typed arrays", () => {
    const decoded = decodeTensors(specs, encodeTensors(specs, values));
    expect(decoded).to.deep.equal({
      a: Int16Array.of(1, -2, 32767, -32768),
      b: Float32Array.of(0.1),
      c: BigUint64Array.of(5n, 2n ** 64n - 1n),
      d: Uint8Array.of(1),
    });
    expect(encodeTensors(specs, decoded)).to.deep.equal(encodeTensors(specs, values));
  });

  it("takes both ends of every integer dtype, and nothing beyond them", () => {
    const ranges: readonly (readonly [ElementType, bigint, bigint])[] = [
      ["bool", 0n, 1n],
      ["u8", 0n, 255n],
      ["i8", -128n, 127n],
      ["u16", 0n, 65535n],
      ["i16", -32768n, 32767n],
      ["u32", 0n, 2n ** 32n - 1n],
      ["i32", -(2n ** 31n), 2n ** 31n - 1n],
      ["u64", 0n, 2n ** 64n - 1n],
      ["i64", -(2n ** 63n), 2n ** 63n - 1n],
    ];
    for (const [dtype, least, most] of ranges) {
      const signature = only(dtype, [2]);
      const { x } = decodeOutput(signature, encodeInput(signature, [least, most]));
      expect(Array.from<number | bigint>(x ?? []).map(BigInt)).to.deep.equal([least, most]);
      expect(hex(encodeInput(signature, [String(least), String(most)]))).to.equal(
        hex(encodeInput(signature, { x: [least, most] })),
      );
      for (const [index, list] of [
        [0, [least - 1n, most]],
        [1, [least, most + 1n]],
      ] as const)
        expect(refusal(dtype, [2], list)).to.include({ code: "BAD_TENSOR", tensor: "x", index });
    }
  });

  it("names the element that is no integer", () => {
    for (const wrong of [0.5, NaN, Infinity, "1.5", "", "0x10", " 1", null, undefined, true])
      expect(refusal("i32", [3], [0, wrong, 0]), String(wrong)).to.include({ code: "BAD_TENSOR", index: 1 });
    // Has lost its last digits before we see it.
    expect(refusal("i64", [1], [2 ** 60])).to.include({ code: "BAD_TENSOR", index: 0 });
    expect(refusal("bool", [2], Uint8Array.of(1, 2))).to.include({ code: "BAD_TENSOR", index: 1 });
  });

  it("rounds floats once, ties to even, and refuses what only an infinity could hold", () => {
    const bits = (dtype: ElementType, x: number): string => hex(encodeInput(only(dtype, [1]), [x]));
    // 1 + 2^-11 is a tie between 1 and 1 + 2^-10; 1 + 2^-11 + 2^-40 is not, though rounded to f32 first it would be.
    expect(bits("f16", 1 + 2 ** -11)).to.equal("003c");
    expect(bits("f16", 1 + 2 ** -11 + 2 ** -40)).to.equal("013c");
    expect(bits("f16", 2 ** -24)).to.equal("0100");
    expect(bits("f16", -65504)).to.equal("fffb");
    expect(bits("bf16", 1 + 2 ** -8)).to.equal("803f");
    expect(bits("bf16", 1 + 3 * 2 ** -8)).to.equal("823f");
    expect(bits("bf16", -(2 ** -133))).to.equal("0180");
    for (const [dtype, most, beyond] of [
      ["f16", 65519.99, 65520],
      ["bf16", 3.3961e38, 3.3962e38],
      ["f32", 3.4028235e38, 3.4028236e38],
    ] as const) {
      expect(bits(dtype, most)).not.to.equal(bits(dtype, Infinity));
      expect(refusal(dtype, [2], [0, beyond])).to.include({ code: "BAD_TENSOR", index: 1 });
    }
    const special = decodeOutput(
      only("f16", [3]),
      encodeInput(only("f16", [3]), '["NaN","Infinity","-Infinity"]'),
    );
    expect(Array.from<number | bigint>(special["x"] ?? [])).to.deep.equal([NaN, Infinity, -Infinity]);
    expect(refusal("f32", [1], ["1"])).to.include({ code: "BAD_TENSOR", index: 0 });
  });

  it("carries every bit pattern of the 16-bit floats through their values", () => {
    for (const dtype of ["f16", "bf16"] as const) {
      const signature = only(dtype, [65536]);
      const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
      const { x = new Float32Array() } = decodeOutput(signature, encodeInput(signature, patterns));
      const again = new Uint16Array(encodeInput(signature, x).buffer);
      const canonical = (bits: number): number => {
        const [magnitude, infinity] = [bits & 0x7fff, dtype === "f16" ? 0x7c00 : 0x7f80];
        if (magnitude > infinity) return dtype === "f16" ? 0x7e00 : 0x7fc0;
        return magnitude === 0 ? 0 : bits;
      };
      expect(again).to.deep.equal(patterns.map(canonical));
    }
  });

  it("takes flat lists, lists of exactly the shape, typed arrays, single elements and JSON", () => {
    const signature = only("u8", [1, 2, 3]);
    const blob = Uint8Array.of(1, 2, 3, 4, 5, 6);
    const nested = [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ];
    for (const value of [
      [1, 2, 3, 4, 5, 6],
      nested,
      blob,
      new Uint8ClampedArray(blob),
      JSON.stringify(nested),
    ])
      expect(encodeInput(signature, value)).to.deep.equal(blob);
    expect(encodeInput(signature, { x: nested })).to.deep.equal(blob);
    expect(encodeInput(signature, '{"x":[1,2,3,4,5,6]}')).to.deep.equal(blob);
    expect(encodeInput(only("f32", []), 0.5)).to.deep.equal(encodeInput(only("f32", []), [0.5]));
    expect(encodeInput(only("f16", [2]), Float32Array.of(1, 2))).to.deep.equal(
      encodeInput(only("f16", [2]), Uint16Array.of(0x3c00, 0x4000)),
    );
    // A part of a larger buffer.
    expect(encodeInput(signature, new Uint8Array([0, ...blob, 0]).subarray(1, 7))).to.deep.equal(blob);
  });

  it("says which shape it expects and which is given", () => {
    const shape = [2, 3];
    const given = (value: unknown): unknown => {
      const said = refusal("u8", shape, value);
      expect(said).to.include({ code: "BAD_TENSOR", tensor: "x" });
      expect(said["expected"]).to.deep.equal(shape);
      return said["given"];
    };
    expect(given([1, 2, 3])).to.deep.equal([3]);
    expect(given(Uint8Array.of(1))).to.deep.equal([1]);
    expect(given(7)).to.deep.equal([]);
    expect(given([[1, 2], [3, 4], [5, 6]])).to.deep.equal([3, 2]); // prettier-ignore
    expect(given([[1, 2, 3], [4, 5]])).to.deep.equal([2, 2]); // prettier-ignore
    expect(given([[1, 2, 3], 4])).to.deep.equal([2]);
    expect(given([[[1], [2], [3]], [[4], [5], [6]]])).to.deep.equal([2, 3, 1]); // prettier-ignore
  });

  it("refuses tensors that are missing, unknown or of another type", () => {
    const wrong = [
      { ...values, b: Int32Array.of(1) },
      { ...values, a: Float32Array.of(1, 2, 3, 4) },
      { ...values, e: [1] },
      { a: values.a },
      Object.create(values) as Record<string, unknown>,
    ];
    for (const given of wrong) expect(errorOf(() => encodeTensors(specs, given)).code).to.equal("BAD_TENSOR");
    for (const text of ["", "{", "null", "[1]", '{"a":'])
      expect(errorOf(() => encodeInput({ inputs: specs, outputs: [] }, text)).code).to.equal("BAD_TENSOR");
    expect(errorOf(() => decodeTensors(specs, new Uint8Array(28))).code).to.equal("BAD_TENSOR");
  });

  it("is not led astray by names and depths of strangers", () => {
    const proto: TensorSpec = { name: "__proto__", dtype: "u8", shape: [1] };
    expect(errorOf(() => encodeTensors([proto], {})).code).to.equal("BAD_TENSOR");
    expect(encodeTensors([proto], JSON.parse('{"__proto__":[7]}') as Record<string, unknown>)).to.deep.equal(
      Uint8Array.of(7),
    );
    const deep = `${"[".repeat(5000)}1${"]".repeat(5000)}`;
    expect(errorOf(() => encodeInput(only("u8", [1, 1]), deep)).code).to.equal("BAD_TENSOR");
  });
});
