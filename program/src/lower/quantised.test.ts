import type { DTypeName } from "../dtype.ts";
import { expectSameBytes, random, randomTensor, scalar, tensor, type TestTensor } from "./testing.ts";

type Byte = "u8" | "i8";
const BYTES: readonly Byte[] = ["u8", "i8"];
const LEAST = { u8: 0, i8: -128 } as const;

interface Draw {
  readonly next: () => number;
  readonly bytes: (name: Byte, shape: readonly number[]) => TestTensor;
  readonly zero: (name: Byte) => TestTensor;
  /** Around 1, often a power of two, so that ties occur. */
  readonly scale: () => number;
}

function draw(seed: number): Draw {
  const next = random(seed);
  const bytes = (name: Byte, shape: readonly number[]) =>
    randomTensor(next, name, shape, LEAST[name], LEAST[name] + 255);
  return {
    next,
    bytes,
    zero: (name) => bytes(name, []),
    scale: () => (next() < 0.4 ? 2 ** Math.floor(next() * 5 - 4) : next() + 0.05),
  };
}

const f32 = (value: number) => scalar("f32", value);
const all = [1, 2, 3, 4, 5, 6, 7, 8];

describe("lowering against onnxruntime: quantised operators, bit for bit", () => {
  for (const type of BYTES) {
    it(`QLinearConv ${type}`, async () => {
      for (let seed = 0; seed < 8; seed++) {
        const { next, bytes, zero, scale } = draw(100 + seed);
        const group = [1, 2, 4, 1][seed % 4] ?? 1;
        const perChannel = seed % 2 === 1;
        const w = bytes(type, [8, 4 / group, 3, 2]);
        const scales = Array.from({ length: perChannel ? 8 : 1 }, scale);
        const zeros = scales.map(() => (type === "i8" ? 0 : 131));
        const shape = perChannel ? [8] : [];
        const bias = randomTensor(next, "i32", [8], -20000, 20000);
        await expectSameBytes({
          operator: "QLinearConv",
          inputs: [
            bytes(type, [2, 4, 6, 5]),
            f32(scale()),
            zero(type),
            w,
            tensor("f32", shape, scales),
            tensor(type, shape, zeros),
            f32(scale() * 300),
            zero(type),
            seed % 3 === 0 ? undefined : bias,
          ],
          outputs: [type],
          attributes: {
            group,
            pads: [1, 0, 1, 1],
            strides: [1 + (seed % 2), 1],
            dilations: [1, 1 + (seed % 3 === 2 ? 1 : 0)],
          },
          constants: all,
        });
      }
    });

    it(`QLinearMatMul ${type}`, async () => {
      for (let seed = 0; seed < 6; seed++) {
        const { bytes, zero, scale } = draw(200 + seed);
        const columns = seed % 2 === 1 ? [5] : [];
        const scales = Array.from({ length: columns[0] ?? 1 }, scale);
        const zeros = scales.map(() => (type === "i8" ? 0 : 128));
        await expectSameBytes({
          operator: "QLinearMatMul",
          inputs: [
            bytes(type, [2, 3, 17]),
            f32(scale()),
            zero(type),
            bytes(type, seed < 3 ? [17, 5] : [2, 17, 5]),
            tensor("f32", seed < 3 ? columns : [], seed < 3 ? scales : scales.slice(0, 1)),
            tensor(type, seed < 3 ? columns : [], seed < 3 ? zeros : zeros.slice(0, 1)),
            f32(scale() * 300),
            zero(type),
          ],
          outputs: [type],
          constants: [1, 2, 3, 4, 5, 6, 7],
        });
      }
    });

    it(`QGemm ${type}, quantised and float output`, async () => {
      for (let seed = 0; seed < 8; seed++) {
        const { next, bytes, zero, scale } = draw(300 + seed);
        const columns = seed % 2 === 1 ? [5] : [];
        const scales = Array.from({ length: columns[0] ?? 1 }, scale);
        const float = seed % 4 >= 2;
        await expectSameBytes({
          operator: "com.microsoft:QGemm",
          inputs: [
            bytes(type, [3, 17]),
            f32(scale()),
            zero(type),
            bytes(type, seed % 3 === 0 ? [5, 17] : [17, 5]),
            tensor("f32", columns, scales),
            tensor(
              type,
              columns,
              scales.map(() => (type === "i8" ? 0 : 128)),
            ),
            seed % 3 === 1 ? undefined : randomTensor(next, "i32", [5], -9999, 9999),
            ...(float ? [] : [f32(scale() * 300), zero(type)]),
          ],
          outputs: [float ? "f32" : type],
          attributes: { transB: seed % 3 === 0 ? 1 : 0, alpha: { float: seed < 4 ? 1 : 0.7 } },
          constants: all,
        });
      }
    });

    it(`QLinearAdd and QLinearMul ${type}, broadcast every way`, async () => {
      const shapes: readonly (readonly [number[], number[]])[] = [
        [[256], [256]],
        [[3, 40], [40]],
        [
          [2, 3, 20],
          [3, 1],
        ],
        [[1], [64]],
        [[64], []],
        [
          [2, 1, 5],
          [1, 3, 1],
        ],
        [[1], [1]],
      ];
      for (const [k, [left, right]] of shapes.entries())
        for (const operator of ["QLinearAdd", "QLinearMul"]) {
          const { bytes, zero, scale } = draw(400 + k);
          const add = operator === "QLinearAdd";
          await expectSameBytes({
            operator: `com.microsoft:${operator}`,
            inputs: [
              bytes(type, left),
              f32(scale()),
              zero(type),
              bytes(type, right),
              f32(scale()),
              zero(type),
              f32(add ? scale() * 2 : scale() * 60),
              zero(type),
            ],
            outputs: [type],
            constants: [1, 2, 4, 5, 6, 7],
          });
        }
    });

    it(`quantised pooling ${type}`, async () => {
      for (let seed = 0; seed < 6; seed++) {
        const { bytes, zero, scale } = draw(500 + seed);
        const channels_last = seed % 2;
        const parameters = [f32(scale()), zero(type), f32(scale()), zero(type)];
        await expectSameBytes({
          operator: "com.microsoft:QLinearGlobalAveragePool",
          inputs: [bytes(type, [2, 5, 4, 3]), ...parameters],
          outputs: [type],
          attributes: { channels_last },
          constants: [1, 2, 3, 4],
        });
        await expectSameBytes({
          operator: "com.microsoft:QLinearAveragePool",
          inputs: [bytes(type, [1, 3, 7, 6]), ...parameters],
          outputs: [type],
          attributes: {
            kernel_shape: [3, 2],
            strides: [1 + (seed % 2), 1],
            pads: seed < 3 ? [0, 0, 0, 0] : [1, 1, 1, 1],
            count_include_pad: seed % 2,
          },
          constants: [1, 2, 3, 4],
        });
        await expectSameBytes({
          operator: "MaxPool",
          inputs: [bytes(type, [1, 3, 7, 6])],
          outputs: [type],
          attributes: { kernel_shape: [3, 2], pads: [1, 1, 1, 1] },
        });
      }
    });

    it(`QLinearConcat, QLinearLeakyRelu, QLinearSigmoid ${type}`, async () => {
      for (let seed = 0; seed < 5; seed++) {
        const { bytes, zero, scale } = draw(600 + seed);
        const [out, outZero] = [f32(scale()), zero(type)];
        await expectSameBytes({
          operator: "com.microsoft:QLinearConcat",
          inputs: [
            out,
            outZero,
            bytes(type, [3, 30]),
            f32(scale()),
            zero(type),
            bytes(type, [3, 20]),
            out,
            outZero,
          ],
          outputs: [type],
          attributes: { axis: 1 },
          constants: [0, 1, 3, 4, 6, 7],
        });
        await expectSameBytes({
          operator: "com.microsoft:QLinearLeakyRelu",
          inputs: [bytes(type, [256]), f32(scale()), zero(type), f32(scale()), zero(type)],
          outputs: [type],
          attributes: { alpha: { float: 0.1 } },
          constants: [1, 2, 3, 4],
        });
        await expectSameBytes({
          operator: "com.microsoft:QLinearSigmoid",
          inputs: [bytes(type, [256]), f32(scale() / 8), zero(type), f32(1 / 256), zero(type)],
          outputs: [type],
          constants: seed % 2 === 0 ? [1, 2, 3, 4] : [],
        });
      }
    });

    it(`MatMulInteger, ConvInteger ${type}`, async () => {
      const { bytes, zero } = draw(700);
      await expectSameBytes({
        operator: "MatMulInteger",
        inputs: [bytes("u8", [3, 20]), bytes(type, [20, 4]), zero("u8"), zero(type)],
        outputs: ["i32"],
      });
      await expectSameBytes({
        operator: "ConvInteger",
        inputs: [bytes("u8", [1, 2, 5, 5]), bytes("u8", [3, 2, 3, 3]), zero("u8"), zero("u8")],
        outputs: ["i32"],
        constants: [1, 2, 3],
        attributes: { pads: [1, 1, 1, 1] },
      });
    });
  }

  const specials = [
    NaN,
    Infinity,
    -Infinity,
    0,
    1e38,
    -1e38,
    1e-45,
    0.5,
    1.5,
    2.5,
    -0.5,
    -1.5,
    -2.5,
    2147483648,
    1e10,
  ];
  for (const type of ["u8", "i8", "u16", "i16"] as readonly DTypeName[])
    it(`QuantizeLinear and DequantizeLinear ${type}`, async () => {
      const next = random(800);
      const shape = [specials.length + 60];
      const values = [...specials, ...Array.from({ length: 60 }, () => Math.round(next() * 600 - 300) / 2)];
      const zero = scalar(type, 7);
      const opset = type.endsWith("16") ? 21 : 17;
      for (const scale of [1, 0.3])
        await expectSameBytes({
          operator: "QuantizeLinear",
          inputs: [tensor("f32", shape, values), f32(scale), zero],
          outputs: [type],
          constants: [1, 2],
          opset,
        });
      const x = randomTensor(next, type, [2, 3, 4], type.startsWith("i") ? -128 : 0, 127);
      await expectSameBytes({
        operator: "DequantizeLinear",
        inputs: [x, f32(0.037), zero],
        outputs: ["f32"],
        opset,
      });
      await expectSameBytes({
        operator: "DequantizeLinear",
        inputs: [x, tensor("f32", [3], [0.1, 0.2, 0.3]), tensor(type, [3], [1, 2, 3])],
        outputs: ["f32"],
        constants: [1, 2],
        attributes: { axis: 1 },
        opset,
      });
    });

  it("DequantizeLinear i32 rounds the integer first", () =>
    expectSameBytes({
      operator: "DequantizeLinear",
      inputs: [tensor("i32", [4], [16777217, -33554435, 7, -1]), f32(0.0371)],
      outputs: ["f32"],
    }));

  it("DynamicQuantizeLinear", async () => {
    for (const [low, high] of [
      [-2, 5],
      [1, 3],
      [-4, -1],
      [0, 0],
    ] as const) {
      const x = randomTensor(random(900), "f32", [3, 50], low, high);
      await expectSameBytes({
        operator: "DynamicQuantizeLinear",
        inputs: [x],
        outputs: ["u8", "f32", "u8"],
        opset: 17,
      });
    }
  });
});
