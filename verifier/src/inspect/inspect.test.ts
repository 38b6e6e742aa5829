import { expect } from "chai";
import { encodeAcc } from "../../../program/src/naive/value.ts";
import { ZERO_HASH, type Node } from "../../../sdk/src/structs.ts";
import { shareDown } from "../economics/share.ts";
import { ether } from "../economics/ether.ts";
import { scalarOf } from "./scalar.ts";
import { targetOf, targetText, type KnownModel } from "./target.ts";
import { bytes, duration, rounded, time } from "./text.ts";

const node = (fields: Partial<Node>): Node => ({
  hash: ZERO_HASH,
  tensor: false,
  height: 0,
  instruction: 0,
  index: 0,
  ...fields,
});

const model: KnownModel = ["Conv conv1", "Relu", "Conv conv2"].map((operator) => ({
  operator,
  dtype: "f32",
  elements: 100,
}));

describe("what a node of a trace is about", () => {
  it("instructions below it, up to the program's end", () => {
    const target = targetOf(node({ height: 1, index: 1 }), 3, model);
    expect(target).to.deep.include({ instructions: [2, 2], bytes: undefined, operators: ["Conv conv2"] });
    expect(targetText(targetOf(node({ height: 2 }), 3, model))).to.equal(
      "instructions 0 to 2 (Conv conv1 to Conv conv2)",
    );
  });

  it("elements of one tensor; bytes only without the model", () => {
    const leaf = node({ tensor: true, instruction: 1, index: 1 });
    expect(targetOf(leaf, 3, model)).to.deep.include({
      bytes: [256, 511],
      elements: [64, 99],
      operators: ["Relu"],
    });
    expect(targetText(targetOf(leaf, 3, undefined))).to.equal("instruction 1, bytes 256 to 511");
  });

  it("survives nodes that no program has", () => {
    const hostile = targetOf(
      node({ height: 255, index: 2 ** 32 - 1, instruction: 2 ** 32 - 1 }),
      2 ** 32,
      model,
    );
    expect(hostile.operators).to.deep.equal([]);
    expect(targetOf(node({ tensor: true, instruction: 7 }), 3, model).elements).to.equal(undefined);
  });
});

describe("scalars, money and times for people", () => {
  it("integers exactly, floats by value, accumulators too", () => {
    expect(scalarOf("u64", 2n ** 64n - 1n).text).to.equal("18446744073709551615");
    expect(scalarOf("i8", 0xffn)).to.deep.include({ text: "-1", bits: "0xff" });
    expect(scalarOf("f32", 0x3f800000n)).to.deep.include({ text: "1", bits: "0x3f800000" });
    expect(scalarOf("f16", 0xfc00n).text).to.equal("-Infinity");
    expect(scalarOf("acc", encodeAcc({ kind: "finite", m: -3n, e: -1 })).value).to.equal(-1.5);
    expect(scalarOf("acc", encodeAcc({ kind: "finite", m: 5n, e: 200 })).value).to.equal(5 * 2 ** 200);
  });

  it("shares as the contract has them", () => {
    expect([0, 1, 2, 253, 254].map((entry) => shareDown(1024n, entry))).to.deep.equal([
      256n,
      128n,
      64n,
      0n,
      0n,
    ]);
  });

  it("durations, sizes, amounts", () => {
    expect([0, 59, 60, 3661, 90_061].map(duration)).to.deep.equal([
      "0 s",
      "59 s",
      "1 min",
      "1 h 1 min",
      "1 d 1 h",
    ]);
    expect([0, 1023, 1536, 2 ** 30].map(bytes)).to.deep.equal([
      "0 bytes",
      "1023 bytes",
      "1.5 KiB",
      "1.0 GiB",
    ]);
    expect([0n, 10n ** 18n, 5n * 10n ** 17n].map(ether)).to.deep.equal(["0 ETH", "1 ETH", "0.5 ETH"]);
    expect(rounded(9.999999974752427e-7)).to.equal("0.000001");
    expect(time(0)).to.equal("1970-01-01 00:00:00 UTC");
  });
});
