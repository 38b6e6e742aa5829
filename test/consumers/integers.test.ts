/** Layout of contracts/consumers/Tensors.sol's integers and bools against the SDK's, which lays out what operators run. */
import { expect } from "chai";
import { network } from "hardhat";
import { seededRng, type Rng } from "../../program/src/testing/rng.ts";
import { decodeTensors } from "../../sdk/src/decode.ts";
import { encodeTensors } from "../../sdk/src/encode.ts";
import { toHex } from "../../sdk/src/structs.ts";
import { arrayFor, elementBytes, type ElementType } from "../../sdk/src/tensor.ts";
import type { IntegersHarness } from "../../types/ethers-contracts/index.js";
import { callAll, type Call } from "../support/batch.ts";

const DTYPES = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "bool"] as const;
const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100];

function suffixOf(dtype: (typeof DTYPES)[number]): string {
  return dtype.charAt(0).toUpperCase() + dtype.slice(1);
}

function rangeOf(dtype: ElementType): readonly [bigint, bigint] {
  if (dtype === "bool") return [0n, 1n];
  const bits = BigInt(elementBytes(dtype) * 8);
  return dtype.startsWith("i") ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
}

function draw(rng: Rng, dtype: ElementType): bigint {
  const [min, max] = rangeOf(dtype);
  if (rng.chance(0.2)) return rng.pick([min, max, 0n, 1n > max ? max : 1n]);
  return min + (rng.bits(64) % (max - min + 1n));
}

function blobOf(dtype: ElementType, values: readonly bigint[]): string {
  const is64 = arrayFor(dtype, 0) instanceof BigUint64Array || arrayFor(dtype, 0) instanceof BigInt64Array;
  const data = is64 ? values : values.map(Number);
  return toHex(encodeTensors([{ name: "x", dtype, shape: [values.length] }], { x: data }));
}

describe("integers in blobs", () => {
  let harness: IntegersHarness;
  before(async () => {
    const { ethers } = await network.create();
    harness = await ethers.deployContract("IntegersHarness");
  });

  for (const dtype of DTYPES)
    it(`${dtype}: arrays and elements, as the SDK lays them out`, async () => {
      const rng = seededRng(dtype.length + elementBytes(dtype));
      const name = suffixOf(dtype);
      const of = (value: bigint): bigint | boolean => (dtype === "bool" ? value === 1n : value);
      for (const length of LENGTHS) {
        const values = Array.from({ length }, () => draw(rng, dtype));
        const blob = blobOf(dtype, values);
        const at = length === 0 ? 0 : rng.int(0, length - 1);
        const other = draw(rng, dtype);
        const calls: Call[] = [
          [`pack${name}`, [values.map(of)]],
          [`unpack${name}`, [blob]],
          ...values.map((_, i): Call => [`${dtype}At`, [blob, i]]),
          ...(length === 0 ? [] : [[`put${name}`, [blob, at, of(other)]] satisfies Call]),
        ];
        const results = (await callAll(harness, calls)).map(({ values: [value] }) => value as unknown);
        expect(results[0]).to.equal(blob);
        expect([...(results[1] as Iterable<unknown>)]).to.deep.equal(values.map(of));
        expect(results.slice(2, 2 + length)).to.deep.equal(values.map(of));
        if (length > 0) expect(results.at(-1)).to.equal(blobOf(dtype, values.with(at, other)));
        const [decoded] = Object.values(
          decodeTensors([{ name: "x", dtype, shape: [length] }], Buffer.from(blob.slice(2), "hex")),
        );
        expect(Array.from(decoded ?? [], BigInt)).to.deep.equal(values);
      }
    });

  it("refuse other lengths, indices and values", async () => {
    const calls: Call[] = DTYPES.flatMap((dtype) => {
      const width = elementBytes(dtype);
      const blob = "0x" + "00".repeat(3 * width);
      const zero = dtype === "bool" ? false : 0n;
      return [
        [`${dtype}At`, [blob, 3]],
        [`${dtype}At`, [blob, 2n ** 256n - 1n]],
        [`put${suffixOf(dtype)}`, [blob, 3, zero]],
        [`put${suffixOf(dtype)}`, [blob, 2n ** 255n, zero]],
        [`unpack${suffixOf(dtype)}`, [width === 1 ? blob : blob + "00"]],
      ];
    });
    const wide = DTYPES.map((dtype) => elementBytes(dtype) > 1);
    expect((await callAll(harness, calls)).map(({ error }) => error)).to.deep.equal(
      wide.flatMap((isWide) => [
        ...Array.from({ length: 4 }, () => "IndexOutOfBounds"),
        isWide ? "LengthNotMultiple" : undefined,
      ]),
    );
    const bools = await callAll(harness, [
      ["unpackBool", ["0x000102"]],
      ["boolAt", ["0x0100ff", 2]],
    ]);
    expect(bools.map(({ error, values }) => [error, ...(values.toArray() as unknown[])])).to.deep.equal([
      ["NotBool", 2n, 2n],
      ["NotBool", 2n, 255n],
    ]);
  });

  it("carry 4 and 2 bits in a byte each, within their ranges", async () => {
    const fits = await callAll(harness, [
      ["packU4", [[0, 15, 7]]],
      ["packI4", [[-8, 7, -1]]],
      ["packU2", [[0, 3, 2]]],
      ["packI2", [[-2, 1, -1]]],
    ]);
    expect(fits.map(({ values: [blob] }) => blob as string)).to.deep.equal([
      ...["0x000f07", "0xf807ff", "0x000302", "0xfe01ff"],
    ]);
    const outside = await callAll(harness, [
      ["packU4", [[1, 16]]],
      ["packI4", [[1, 2, 8]]],
      ["packI4", [[-9]]],
      ["packU2", [[4]]],
      ["packI2", [[-3]]],
      ["packI2", [[0, 2]]],
    ]);
    expect(outside.map(({ error, values }) => [error, ...(values.toArray() as unknown[])])).to.deep.equal([
      ["OutOfRange", 1n, 16n, 0n, 15n],
      ["OutOfRange", 2n, 8n, -8n, 7n],
      ["OutOfRange", 0n, -9n, -8n, 7n],
      ["OutOfRange", 0n, 4n, 0n, 3n],
      ["OutOfRange", 0n, -3n, -2n, 1n],
      ["OutOfRange", 1n, 2n, -2n, 1n],
    ]);
  });

  it("the largest is found, the first of equals", async () => {
    expect(await harness.argmaxU8("0x01ff7fff80")).to.equal(1n);
    expect(await harness.argmaxI8("0x80ff7f007f")).to.equal(2n);
    expect(await harness.argmaxU8("0x00")).to.equal(0n);
    const none = await callAll(harness, [
      ["argmaxU8", ["0x"]],
      ["argmaxI8", ["0x"]],
    ]);
    expect(none.map(({ error }) => error)).to.deep.equal(["NoElements", "NoElements"]);
  });
});
