import { expect } from "chai";
import { Interface } from "ethers";
import { commitProgram } from "./commit.ts";
import {
  product,
  type Affine,
  type Axis,
  type Instruction,
  type Program,
  type TensorLoad,
} from "./instruction.ts";
import { inputsTree, wholeClaim } from "./claim.ts";
import { assertJudgeable, CLAIM_WORDS, estimateStep, JUDGE_LIMITS, UnjudgeableError } from "./limits.ts";
import { tensorTree } from "./merkle.ts";
import { runNaive } from "./naive/interpret.ts";
import { leavesRead, proveStep } from "./prove.ts";
import { reachOf } from "./reach.ts";
import { generateCase, KINDS } from "./testing/generate.ts";
import { seededRng } from "./testing/rng.ts";
import { tensorLoads } from "./validate.ts";

const LEAVES = "tuple(bytes data, bytes indices, bytes path)";
const OPERANDS = `tuple(bytes path, ${LEAVES} leaves)[] operands`;
const PROOF = `tuple(bytes header, bytes instruction, bytes instructionPath, bytes outputPath, ${LEAVES} output, ${OPERANDS})`;
const referee = new Interface([
  `function judgeStep(bytes32, bytes32, bytes32, uint256, uint256, ${PROOF} proof) view returns (bool)`,
]);

function at(
  c0: number,
  terms: readonly (readonly [dim: number, coef: number])[],
  div = 1,
  exact = false,
): Affine {
  return { c0, terms: terms.map(([dim, coef]) => ({ dim, coef })), div, exact };
}

function load(id: number, elements: number, axes: readonly Axis[], dtype: "f32" | "i8" = "f32"): TensorLoad {
  return { kind: "tensor", source: "input", id, dtype, elements, axes };
}

function dot(n: number, dtype: "f32" | "i8"): Program {
  const weights = load(
    0,
    4 * n,
    [
      { size: 4, stride: n, at: at(0, [[0, 1]]) },
      { size: n, stride: 1, at: at(0, [[1, 1]]) },
    ],
    dtype,
  );
  const vector = load(1, n, [{ size: n, stride: 1, at: at(0, [[1, 1]]) }], dtype);
  const shape = { outDims: [4], redDims: [n], loads: [weights, vector] };
  const inputs = [weights, vector].map(({ elements }) => ({ dtype, elements }));
  const instruction: Instruction = {
    body: "mul",
    fold: "sum",
    dtype: dtype === "i8" ? "i32" : "f32",
    ...shape,
  };
  return { loweringVersion: 1, inputs, outputs: [], constants: [], instructions: [instruction] };
}

describe("bounds on what a step costs", () => {
  it("hold for the leaves of every element and for the calldata of its proof", function () {
    this.timeout(60_000);
    const rng = seededRng(31);
    for (let n = 0; n < 250; n++) {
      const { program, inputs, instruction } = generateCase(rng, rng.pick(KINDS));
      const made = program.instructions[instruction];
      if (made === undefined) throw new Error("no instruction");
      const estimate = estimateStep(program, instruction);
      const tensors = runNaive(program, inputs);
      const constants = program.constants.map(({ data }) => data);
      const tensor = (source: "input" | "constant" | "instruction", id: number): Uint8Array =>
        ({ input: inputs, constant: constants, instruction: tensors })[source][id] ?? new Uint8Array();
      const bounds = tensorLoads(made).map((operand) => reachOf(made, operand));
      const elements = product(made.outDims);
      for (let element = 0; element < elements; element++)
        leavesRead(made, element, ({ source, id }) => tensor(source, id)).forEach((read, i) =>
          expect(read.length, `load ${i}`).to.be.at.most(bounds[i]?.leaves ?? 0),
        );
      const trace = {
        tensor,
        tensorTree: (source: "input" | "constant" | "instruction", id: number) =>
          tensorTree(tensor(source, id)),
        inputs: inputsTree(inputs),
        claimed: wholeClaim(tensors),
      };
      const element = rng.int(0, elements - 1);
      const proof = proveStep({ commitment: commitProgram(program), program, trace, instruction, element });
      const hash = new Uint8Array(32);
      const call = referee.encodeFunctionData("judgeStep", [hash, hash, hash, instruction, element, proof]);
      // The game's call has a claim in place of two roots.
      const bytes = (call.length - 2) / 2 + 32 * (CLAIM_WORDS - 2);
      expect(bytes).to.be.at.most(estimate.calldataBytes);
    }
  });

  it("are exact for dense rows", () => {
    // 576 binary32 elements are 9 leaves; rows start at leaf boundaries.
    expect(estimateStep(dot(576, "f32"), 0)).to.include({ leaves: 18, terms: 576 });
    // 100 bytes straddle a boundary at worst; the vector is one leaf.
    expect(estimateStep(dot(100, "i8"), 0)).to.include({ leaves: 3, terms: 100 });
  });

  it("count intervals of a convolution, and thin out a transposed one", () => {
    const shape = { body: "mul", fold: "sum", dtype: "f32", outDims: [8, 8], redDims: [3, 3, 64] } as const;
    const window = (dim: number, stride: number, index: Affine): Axis => ({ size: dim, stride, at: index });
    const channels = window(64, 1, at(0, [[4, 1]]));
    const image = load(0, 4096, [
      window(
        8,
        512,
        at(-1, [
          [0, 1],
          [2, 1],
        ]),
      ),
      window(
        8,
        64,
        at(-1, [
          [1, 1],
          [3, 1],
        ]),
      ),
      channels,
    ]);
    // 3 rows of 3 pixels of 64 channels: one leaf a pixel.
    expect(reachOf({ ...shape, loads: [image, image] }, image)).to.deep.equal({ leaves: 9, runs: 3 });
    const kernel = load(1, 16 * 64, [
      window(4, 256, at(0, [[2, 1]])),
      window(4, 64, at(0, [[3, 1]])),
      channels,
    ]);
    const transposed = load(0, 4096, [
      window(
        8,
        512,
        at(
          1,
          [
            [0, 1],
            [2, -1],
          ],
          2,
          true,
        ),
      ),
      window(
        8,
        64,
        at(
          1,
          [
            [1, 1],
            [3, -1],
          ],
          2,
          true,
        ),
      ),
      channels,
    ]);
    const spread = { ...shape, redDims: [4, 4, 64], loads: [transposed, kernel] };
    // Stride 2: of 4 x 4 taps only 2 x 2 count for one element.
    expect(reachOf(spread, kernel).leaves).to.equal(4);
    expect(reachOf(spread, transposed).leaves).to.equal(4);
  });

  it("let long contiguous sums pass and refuse scattered or overlong ones by name", () => {
    expect(() => assertJudgeable(dot(8000, "f32"))).not.to.throw();
    expect(() => assertJudgeable(dot(30_000, "i8"))).not.to.throw();
    const long = dot(12_000, "f32");
    expect(estimateStep(long, 0).calldataBytes).to.be.above(JUDGE_LIMITS.calldataBytes);
    expect(() => assertJudgeable(long))
      .to.throw(UnjudgeableError)
      .with.property("instruction", 0);
    const column: Axis = { size: 1000, stride: 1000, at: at(0, [[1, 1]]) };
    const scattered = load(0, 1_000_000, [column]);
    const program: Program = {
      ...long,
      inputs: [{ dtype: "f32", elements: 1_000_000 }],
      instructions: [
        { body: "copy", fold: "sum", dtype: "f32", outDims: [1], redDims: [1000], loads: [scattered] },
      ],
    };
    expect(estimateStep(program, 0).leaves).to.equal(1000);
    expect(() => assertJudgeable(program)).to.throw(UnjudgeableError);
  });
});
