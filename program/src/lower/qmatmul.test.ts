import { expect } from "chai";
import {
  expectAgreement,
  expectRefusal,
  expectSameBytes,
  random,
  randomTensor,
  scalar,
  tensor,
  type AttributeValue,
  type Case,
  type TestTensor,
} from "./testing.ts";

const BYTES = ["u8", "i8"] as const;
type Byte = (typeof BYTES)[number];

function bytes(next: () => number, type: Byte, shape: readonly number[]): TestTensor {
  const least = type === "u8" ? 0 : -128;
  return randomTensor(next, type, shape, least, least + 255);
}

describe("lowering against onnxruntime: products of quantised weights", () => {
  for (const type of BYTES) {
    it(`MatMulIntegerToFloat and DynamicQuantizeMatMul with weights of ${type}, bit for bit`, async () => {
      for (let seed = 0; seed < 16; seed++) {
        const next = random(900 + seed);
        const columns = seed % 2 === 1;
        const scale = columns ? randomTensor(next, "f32", [5], 0.01, 1) : scalar("f32", 0.1 + next());
        const middle = type === "u8" ? 120 : 3;
        const zero = columns
          ? tensor(
              type,
              [5],
              [0, 1, 2, 3, 4].map((k) => middle + k),
            )
          : scalar(type, middle);
        const bias = seed % 4 < 2 ? randomTensor(next, "f32", [5], -3, 3) : undefined;
        const w = bytes(next, type, [17, 5]);
        const withZero = seed % 8 < 4;
        await expectSameBytes({
          operator: "com.microsoft:MatMulIntegerToFloat",
          inputs: [
            bytes(next, "u8", [2, 3, 17]),
            w,
            scalar("f32", next() + 0.01),
            scale,
            withZero ? scalar("u8", 77) : undefined,
            withZero ? zero : undefined,
            bias,
          ],
          outputs: ["f32"],
          constants: [1, 2, 3, 4, 5, 6],
        });
        await expectSameBytes({
          operator: "com.microsoft:DynamicQuantizeMatMul",
          inputs: [
            randomTensor(next, "f32", [2, 3, 17], -4, 2 + seed),
            w,
            scale,
            withZero ? zero : undefined,
            bias,
          ],
          outputs: ["f32"],
          constants: [1, 2, 3, 4],
        });
      }
    });

    it(`QLinearWhere ${type}, bit for bit`, async () => {
      for (let seed = 0; seed < 8; seed++) {
        const next = random(800 + seed);
        const scale = () => scalar("f32", seed % 2 === 0 ? 0.5 : next() + 0.05);
        const zero = () => (seed < 4 ? scalar(type, 5) : bytes(next, type, []));
        await expectSameBytes({
          operator: "com.microsoft:QLinearWhere",
          inputs: [
            randomTensor(next, "bool", [3, 1, 20], 0, 1),
            bytes(next, type, [2, 20]),
            scale(),
            zero(),
            bytes(next, type, seed % 3 === 0 ? [1] : [3, 2, 20]),
            scale(),
            zero(),
            scale(),
            zero(),
          ],
          outputs: [type],
          constants: [2, 3, 5, 6, 7, 8],
        });
      }
    });
  }

  it("QLinearSoftmax, bit for bit", async () => {
    for (const type of BYTES)
      for (let seed = 0; seed < 12; seed++) {
        const next = random(700 + seed);
        const shape =
          [
            [4, 37],
            [2, 5, 6],
            [3, 1],
          ][seed % 3] ?? [];
        const scale = seed % 4 === 0 ? 1 / 256 : 0.001 + next() / 20;
        await expectSameBytes({
          operator: "com.microsoft:QLinearSoftmax",
          inputs: [
            bytes(next, type, shape),
            scalar("f32", next() * (seed < 6 ? 0.1 : 1)),
            bytes(next, type, []),
            scalar("f32", scale),
            seed < 8 ? scalar(type, type === "u8" ? 0 : -128) : bytes(next, type, []),
          ],
          outputs: [type],
          attributes: { opset: seed % 2 === 0 ? 12 : 13, axis: seed % 2 },
          constants: [1, 2, 3, 4],
        });
      }
  });

  const nBits = (attributes: Record<string, AttributeValue>, zeros: boolean, bias: boolean): Case => {
    const { K, N, bits, block_size } = { K: 70, N: 6, bits: 4, block_size: 32, ...attributes } as Record<
      string,
      number
    > & { K: number; N: number; bits: number; block_size: number };
    const next = random(K + bits);
    const blocks = Math.ceil(K / block_size);
    return {
      operator: "com.microsoft:MatMulNBits",
      inputs: [
        randomTensor(next, "f32", [2, 3, K], -1, 1),
        bytes(next, "u8", [N, blocks, (block_size * bits) / 8]),
        randomTensor(next, "f32", [N, blocks], 0.01, 0.1),
        zeros ? bytes(next, "u8", [N, Math.ceil((blocks * bits) / 8)]) : undefined,
        undefined,
        bias ? randomTensor(next, "f32", [N], -1, 1) : undefined,
      ],
      outputs: ["f32"],
      attributes: { K, N, bits, block_size, ...attributes },
      constants: [1, 2, 3, 5],
    };
  };

  it("MatMulNBits of 2, 4 and 8 bits", async () => {
    for (const bits of [2, 4, 8])
      for (const K of [64, 70])
        for (const zeros of [false, true]) {
          const lowered = await expectAgreement(nBits({ bits, K }, zeros, zeros));
          expect(lowered.program.instructions.length).to.be.at.most(2);
        }
  });

  it("refuses what is malformed or inexact", () => {
    expectRefusal("UNSUPPORTED_USE", nBits({ accuracy_level: 4 }, false, false));
    expectRefusal("UNSUPPORTED_USE", {
      ...nBits({}, false, false),
      attributes: { K: 70, N: 6, bits: 3, block_size: 32 },
    });
    for (const attributes of [{}, { K: -1 }, { K: 71, N: 7 }, { N: 2 ** 40 }, { block_size: 24 }, { K: 200 }])
      expectRefusal("MALFORMED", {
        ...nBits({}, false, false),
        attributes: { K: 70, N: 6, bits: 4, block_size: 0, ...attributes },
      });
  });
});
