/** The referee against results that are computed here, without an interpreter. */
import { expect } from "chai";
import { dtype, type DTypeName } from "../../program/src/dtype.ts";
import type { Instruction } from "../../program/src/instruction.ts";
import { seededRng } from "../../program/src/testing/rng.ts";
import { flipBit, tampered, trial } from "../../program/src/testing/trial.ts";
import {
  axis,
  deployReferee,
  f32,
  i32,
  instruction,
  judgeStep,
  literal,
  programOf,
  tensor,
  type RefereeContract,
} from "./judging.ts";

type Data = readonly (readonly [DTypeName, Uint8Array])[];

/** An instruction, its operands, and the tensor that it should give, computed by other means. */
interface Example {
  readonly made: Instruction;
  readonly inputs: Data;
  readonly constants?: Data;
  readonly expected: Uint8Array;
  readonly elements: readonly number[];
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** 3 x 3 convolution, padded by 1, over x [4, 4, C] and w [2, 3, 3, C]. */
function convolution(name: DTypeName, out: DTypeName, channels: number, zero: number): Instruction {
  const zeros = zero === 0 ? {} : { zero };
  const x = tensor(
    "input",
    0,
    name,
    [
      axis(
        4,
        4 * channels,
        [
          [0, 1],
          [3, 1],
        ],
        -1,
      ),
      axis(
        4,
        channels,
        [
          [1, 1],
          [4, 1],
        ],
        -1,
      ),
      axis(channels, 1, [[5, 1]]),
    ],
    zeros,
  );
  const w = tensor("constant", 0, name === "u8" ? "i8" : name, [
    axis(2, 9 * channels, [[2, 1]]),
    axis(3, 3 * channels, [[3, 1]]),
    axis(3, channels, [[4, 1]]),
    axis(channels, 1, [[5, 1]]),
  ]);
  return instruction(["mul", "sum", out], [4, 4, 2], [3, 3, channels], [x, w]);
}

function convolved(x: readonly number[], w: readonly number[], channels: number, zero: number): number[] {
  return range(32).map((i) => {
    const [row, column, filter] = [Math.floor(i / 8), Math.floor(i / 2) % 4, i % 2];
    let sum = 0;
    for (const r of range(3))
      for (const s of range(3)) {
        const [y, z] = [row + r - 1, column + s - 1];
        if (y < 0 || y > 3 || z < 0 || z > 3) continue;
        for (const c of range(channels))
          sum +=
            ((x[(y * 4 + z) * channels + c] ?? 0) - zero) *
            (w[((filter * 3 + r) * 3 + s) * channels + c] ?? 0);
      }
    return sum;
  });
}

/** Whole numbers below 64, so that sums of products are exact in JavaScript too. */
function whole(count: number, seed: number): number[] {
  const rng = seededRng(seed);
  return range(count).map(() => rng.int(-63, 63));
}

const floatImage = whole(16 * 5, 1);
const floatFilter = whole(18 * 5, 2);
const byteImage = range(16 * 12).map((i) => (i * 89) % 256);
const byteFilter = whole(18 * 12, 3);
const scores = [0.5, -1, 7, 7, 3, -0.25, NaN, 2];

const EXAMPLES: Record<string, Example> = {
  "a padded convolution of f32": {
    made: convolution("f32", "f32", 5, 0),
    inputs: [["f32", f32(floatImage)]],
    constants: [["f32", f32(floatFilter)]],
    expected: f32(convolved(floatImage, floatFilter, 5, 0)),
    elements: [0, 11, 31],
  },
  "a padded convolution of u8 and i8 with a zero point": {
    made: convolution("u8", "i32", 12, 128),
    inputs: [["u8", Uint8Array.from(byteImage)]],
    constants: [["i8", new Uint8Array(Int8Array.from(byteFilter).buffer)]],
    expected: i32(convolved(byteImage, byteFilter, 12, 128)),
    elements: [0, 11, 31],
  },
  "a sum that broadcasts a column and a row": {
    made: instruction(
      ["add", "none", "f32"],
      [3, 4],
      [],
      [tensor("input", 0, "f32", [axis(3, 1, [[0, 1]])]), tensor("input", 1, "f32", [axis(4, 1, [[1, 1]])])],
    ),
    inputs: [
      ["f32", f32([10, 20, 30])],
      ["f32", f32([1, 2, 3, 4])],
    ],
    expected: f32([11, 12, 13, 14, 21, 22, 23, 24, 31, 32, 33, 34]),
    elements: [0, 3, 4, 11],
  },
  "a gather with an index out of range": {
    made: instruction(
      ["copy", "none", "f32"],
      [4],
      [],
      [
        tensor(
          "input",
          0,
          "f32",
          [{ size: 3, stride: 1, at: { gather: tensor("input", 1, "i32", [axis(4, 1, [[0, 1]])]) } }],
          { fill: 0x3f800000n },
        ),
      ],
    ),
    inputs: [
      ["f32", f32([10, 20, 30])],
      ["i32", i32([2, -1, 0, 3])],
    ],
    expected: f32([30, 1, 10, 1]),
    elements: [0, 1, 3],
  },
  "a concatenation": {
    made: instruction(
      ["first", "none", "i32"],
      [5],
      [],
      [
        tensor("input", 0, "i32", [axis(2, 1, [[0, 1]])]),
        tensor("constant", 0, "i32", [axis(3, 1, [[0, 1]], -2)]),
      ],
    ),
    inputs: [["i32", i32([7, -8])]],
    constants: [["i32", i32([9, 10, 11])]],
    expected: i32([7, -8, 9, 10, 11]),
    elements: [1, 2, 4],
  },
  "a max pool that passes over NaN": {
    made: instruction(
      ["copy", "maxnum", "f32"],
      [4],
      [3],
      [
        tensor("input", 0, "f32", [
          axis(8, 1, [
            [0, 2],
            [1, 1],
          ]),
        ]),
      ],
    ),
    inputs: [["f32", f32(scores)]],
    expected: f32([7, 7, 3, 2]),
    elements: [0, 2, 3],
  },
  "a requantisation": {
    made: instruction(
      ["qmul", "none", "i8"],
      [4],
      [],
      [
        tensor("input", 0, "i32", [axis(4, 1, [[0, 1]])]),
        literal("f32", 0x3c000000n), // 2^-7
        literal("i32", 3n),
      ],
    ),
    inputs: [["i32", i32([64, 192, 40_000, -1000])]],
    // 0.5 and 1.5 go to the even 0 and 2; 312.5 and -7.8125 to 312 and -8
    expected: new Uint8Array(Int8Array.from([3, 5, 127, -5]).buffer),
    elements: [0, 1, 2, 3],
  },
  "an argmax": {
    made: instruction(
      ["seleq", "min", "i64"],
      [1],
      [8],
      [
        tensor("input", 0, "f32", [axis(8, 1, [[1, 1]])]),
        literal("f32", 0x40e00000n), // 7
        { kind: "index", at: { c0: 0, terms: [{ dim: 1, coef: 1 }], div: 1, exact: false } },
      ],
    ),
    inputs: [["f32", f32(scores)]],
    expected: new Uint8Array(BigInt64Array.from([2n]).buffer),
    elements: [0],
  },
  "an exponential": {
    made: instruction(["exp", "none", "f32"], [3], [], [tensor("input", 0, "f32", [axis(3, 1, [[0, 1]])])]),
    inputs: [["f32", f32([1, -Infinity, 200])]],
    expected: f32([Math.fround(2.718281828459045), 0, Infinity]),
    elements: [0, 1, 2],
  },
  "a sum of infinities of both signs": {
    made: instruction(["copy", "sum", "f32"], [], [3], [tensor("input", 0, "f32", [axis(3, 1, [[0, 1]])])]),
    inputs: [["f32", f32([Infinity, 1, -Infinity])]],
    expected: new Uint8Array(Uint32Array.from([0x7fc00000]).buffer),
    elements: [0],
  },
  "a sum that cancels only exactly": {
    made: instruction(["copy", "sum", "f32"], [], [4], [tensor("input", 0, "f32", [axis(4, 1, [[0, 1]])])]),
    inputs: [["f32", f32([2 ** 127, 2 ** -149, -(2 ** 127), 2 ** -148])]],
    expected: f32([3 * 2 ** -149]),
    elements: [0],
  },
};

describe("judgeStep", () => {
  let referee: RefereeContract;
  before(async () => {
    referee = await deployReferee();
  });

  for (const [name, { made, inputs, constants, expected, elements }] of Object.entries(EXAMPLES))
    it(`knows the right bits, and every wrong one, of ${name}`, async () => {
      const program = programOf([made], inputs, constants);
      const on = trial(
        program,
        inputs.map(([, data]) => data),
        [expected],
      );
      const { bytes } = dtype(made.dtype);
      for (const element of elements) {
        expect(await judgeStep(referee, on, on.right, 0, element), `element ${element}`).to.equal(false);
        for (const bit of range(8 * bytes)) {
          const claimed = tampered(on, 0, flipBit(element, bytes, bit));
          expect(await judgeStep(referee, on, claimed, 0, element), `bit ${bit}`).to.equal(true);
        }
      }
    });
});
