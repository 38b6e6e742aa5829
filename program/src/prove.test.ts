import { expect } from "chai";
import { decodeInstruction } from "./decode.ts";
import { dtype } from "./dtype.ts";
import { commitProgram, type ProgramCommitment } from "./commit.ts";
import { outElements, type Axis, type Instruction, type Program, type TensorLoad } from "./instruction.ts";
import {
  depthOf,
  hashTree,
  HASH_BYTES,
  LEAF_BYTES,
  sha256,
  tensorDepth,
  tensorTree,
  treeNode,
  treeRoot,
} from "./merkle.ts";
import { evaluateWith, runNaive } from "./naive/interpret.ts";
import { elementBits } from "./naive/value.ts";
import {
  leavesRead,
  proveOutput,
  proveStep,
  type LeavesProof,
  type StepProof,
  type TraceAccess,
} from "./prove.ts";
import { generateCase, KINDS, type GeneratedCase } from "./testing/generate.ts";
import { seededRng } from "./testing/rng.ts";
import { firstDivergence, inputsTree, wholeClaim, type ClaimedTrace } from "./claim.ts";
import { tensorLoads } from "./validate.ts";

function hashes(path: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < path.length; at += HASH_BYTES) parts.push(path.subarray(at, at + HASH_BYTES));
  return parts;
}

function climb(leaf: Uint8Array, index: number, depth: number, path: Uint8Array): string {
  const siblings = hashes(path);
  expect(siblings.length).to.equal(depth);
  const root = siblings.reduce((node, sibling, level) => {
    const right = Math.floor(index / 2 ** level) % 2 === 1;
    return right ? sha256(sibling, node) : sha256(node, sibling);
  }, leaf);
  return hex(root);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Root of a multi-proof and its leaves, by index. */
function open(leaves: LeavesProof, depth: number): { root: Uint8Array; data: Map<number, Uint8Array> } {
  const data = new Map<number, Uint8Array>();
  const indices = Buffer.from(leaves.indices);
  for (let i = 0; i < indices.length; i += 4)
    data.set(indices.readUInt32BE(i), leaves.data.subarray((i / 4) * LEAF_BYTES, (i / 4 + 1) * LEAF_BYTES));
  const siblings = hashes(leaves.path);
  let level = new Map([...data].map(([index, leaf]) => [index, sha256(leaf)]));
  for (let l = 0; l < depth; l++) {
    const above = new Map<number, Uint8Array>();
    for (const [index, node] of level) {
      if (above.has(index >> 1)) continue;
      const sibling = level.get(index ^ 1) ?? siblings.shift() ?? new Uint8Array();
      above.set(index >> 1, index % 2 === 0 ? sha256(node, sibling) : sha256(sibling, node));
    }
    level = above;
  }
  expect(siblings).to.be.empty;
  return { root: level.get(0) ?? new Uint8Array(), data };
}

interface Roots {
  readonly program: string;
  readonly trace: string;
  readonly inputs: string;
}

/** The judgement on a step, from roots and proof alone; throws if the proof lacks something. */
function isWrong(
  program: Program,
  roots: Roots,
  instruction: number,
  element: number,
  proof: StepProof,
): boolean {
  const count = program.instructions.length;
  expect(hex(sha256(proof.header))).to.equal(roots.program);
  if (instruction >= count) {
    expect(climb(proof.output.data, instruction, depthOf(count), proof.outputPath)).to.equal(roots.trace);
    return proof.output.data.some((byte) => byte !== 0);
  }
  const made = decodeInstruction(proof.instruction);
  if (made === undefined) return true;
  const { bytes } = dtype(made.dtype);
  const output = open(proof.output, tensorDepth(outElements(made) * bytes));
  expect(climb(output.root, instruction, depthOf(count), proof.outputPath)).to.equal(roots.trace);
  const [leaf = new Uint8Array()] = output.data.values();
  const claimed = elementBits(made.dtype, leaf, element % (LEAF_BYTES / bytes));
  if (element >= outElements(made)) return claimed !== 0n;
  const opened = tensorLoads(made).map((load, i) => {
    const operand = proof.operands[i];
    if (operand === undefined || operand.leaves.indices.length === 0) return new Map<number, Uint8Array>();
    const { root, data } = open(operand.leaves, tensorDepth(load.elements * dtype(load.dtype).bytes));
    const counts = { input: program.inputs.length, constant: program.constants.length, instruction: count };
    const above = climb(root, load.id, depthOf(counts[load.source]), operand.path);
    if (load.source === "input") expect(above).to.equal(roots.inputs);
    if (load.source === "instruction") expect(above).to.equal(roots.trace);
    return data;
  });
  const right = evaluateWith(made, element, (load, index) => {
    const at = index * dtype(load.dtype).bytes;
    const data = opened[tensorLoads(made).indexOf(load)]?.get(Math.floor(at / LEAF_BYTES));
    if (data === undefined) throw new Error(`leaf of element ${index} is not opened`);
    return elementBits(load.dtype, data, (at % LEAF_BYTES) / dtype(load.dtype).bytes);
  });
  return claimed !== right;
}

interface Setup {
  readonly commitment: ProgramCommitment;
  readonly honest: Uint8Array[];
  readonly access: (claimed: ClaimedTrace) => TraceAccess;
  readonly roots: (claimed: ClaimedTrace) => Roots;
}

function setup({ program, inputs }: GeneratedCase): Setup {
  const commitment = commitProgram(program);
  const honest = runNaive(program, inputs);
  const constants = program.constants.map(({ data }) => data);
  const tensor: TraceAccess["tensor"] = (source, id) =>
    ({ input: inputs, constant: constants, instruction: honest })[source][id] ?? new Uint8Array();
  const tree = inputsTree(inputs);
  return {
    commitment,
    honest,
    access: (claimed) => ({
      tensor,
      tensorTree: (source, id) => tensorTree(tensor(source, id)),
      inputs: tree,
      claimed,
    }),
    roots: (claimed) => ({
      program: hex(commitment.root),
      trace: hex(claimed.node(depthOf(honest.length), 0)),
      inputs: hex(treeRoot(tree)),
    }),
  };
}

const EACH: Axis = { size: 4, stride: 1, at: { c0: 0, terms: [{ dim: 0, coef: 1 }], div: 1, exact: false } };
const ONE_STEP = { fold: "none", dtype: "i8", outDims: [4], redDims: [] } as const;
const ELEMENTS = { kind: "tensor", id: 0, dtype: "i8", elements: 4, axes: [EACH] } as const;
const TWO_STEPS: Program = {
  loweringVersion: 1,
  inputs: [{ dtype: "i8", elements: 4 }],
  outputs: [],
  constants: [],
  instructions: [
    { ...ONE_STEP, body: "copy", loads: [{ ...ELEMENTS, source: "input" }] },
    { ...ONE_STEP, body: "neg", loads: [{ ...ELEMENTS, source: "instruction" }] },
  ],
};

describe("proofs for the referee", () => {
  it("clear an honest trace at every element", function () {
    this.timeout(30_000);
    const rng = seededRng(11);
    for (let n = 0; n < 150; n++) {
      const generated = generateCase(rng, rng.pick(KINDS));
      const { program, instruction } = generated;
      const { commitment, honest, access, roots } = setup(generated);
      const claimed = wholeClaim(honest);
      const last = program.instructions[instruction];
      const elements = last === undefined ? 0 : outElements(last);
      // One position behind the end too, where the padded tree has one.
      const padded = (honest[instruction]?.length ?? 0) % LEAF_BYTES === 0 ? elements : elements + 1;
      for (let element = 0; element < padded; element++) {
        const proof = proveStep({ commitment, program, trace: access(claimed), instruction, element });
        expect(isWrong(program, roots(claimed), instruction, element, proof)).to.equal(false);
      }
    }
  });

  it("convict a trace in which one bit is wrong, at the place that firstDivergence finds", function () {
    this.timeout(30_000);
    const rng = seededRng(12);
    for (let n = 0; n < 150; n++) {
      const generated = generateCase(rng, rng.pick(KINDS));
      const { program } = generated;
      const { commitment, honest, access, roots } = setup(generated);
      const wrongAt = rng.int(0, honest.length - 1);
      // Also bits of the padding of the last leaf.
      const claimedTensors = honest.map((data, i) => {
        if (i !== wrongAt) return data;
        const padded = new Uint8Array(Math.ceil(data.length / LEAF_BYTES) * LEAF_BYTES);
        padded.set(data);
        const byte = rng.int(0, rng.chance(0.2) ? padded.length - 1 : data.length - 1);
        padded[byte] = (padded[byte] ?? 0) ^ (1 << rng.int(0, 7));
        return padded;
      });
      const claimed = wholeClaim(claimedTensors);
      const tensor = (i: number): Uint8Array => honest[i] ?? new Uint8Array();
      const trace = hashTree(honest.map((data) => treeRoot(tensorTree(data))));
      const found = firstDivergence(program, { trace, tensor }, claimed);
      if (found === undefined) throw new Error("nothing found");
      expect(found.instruction).to.equal(wrongAt);
      const proof = proveStep({ commitment, program, trace: access(claimed), ...found });
      expect(isWrong(program, roots(claimed), found.instruction, found.element, proof)).to.equal(true);
    }
  });

  it("convict a trace leaf past the last instruction", () => {
    const rng = seededRng(13);
    let generated = generateCase(rng, rng.pick(KINDS));
    while (generated.program.instructions.length !== 3) generated = generateCase(rng, rng.pick(KINDS));
    const { program } = generated;
    const { commitment, honest, access, roots } = setup(generated);
    const honestRoots = honest.map((data) => treeRoot(tensorTree(data)));
    const trace = hashTree([...honestRoots, sha256(Uint8Array.of(1))]);
    const whole = wholeClaim(honest);
    const claimed = {
      ...whole,
      node: (level: number, index: number) => treeNode(trace, level, index),
    };
    const found = firstDivergence(
      program,
      { trace: hashTree(honestRoots), tensor: () => new Uint8Array() },
      claimed,
    );
    expect(found).to.deep.equal({ instruction: 3, element: 0 });
    const proof = proveStep({ commitment, program, trace: access(claimed), instruction: 3, element: 0 });
    expect(isWrong(program, roots(claimed), 3, 0, proof)).to.equal(true);
    const fine = proveStep({ commitment, program, trace: access(whole), instruction: 3, element: 0 });
    expect(isWrong(program, roots(whole), 3, 0, fine)).to.equal(false);
    expect(
      firstDivergence(program, { trace: hashTree(honestRoots), tensor: () => new Uint8Array() }, whole),
    ).to.equal(undefined);
  });

  it("open an output element under the trace root", () => {
    const rng = seededRng(14);
    const generated = generateCase(rng, { body: "add", fold: "none", dtype: "f32" });
    const { program, instruction } = generated;
    const { commitment, honest, roots } = setup(generated);
    const claimed = wholeClaim(honest);
    const proof = proveOutput({ commitment, program, claimed }, 0, 0);
    const { root, data } = open(proof.output, tensorDepth(honest[instruction]?.length ?? 0));
    expect(climb(root, instruction, depthOf(honest.length), proof.outputPath)).to.equal(roots(claimed).trace);
    expect(hex(data.get(0)?.subarray(0, 4) ?? new Uint8Array())).to.equal(
      hex(honest[instruction]?.subarray(0, 4) ?? new Uint8Array()),
    );
  });

  it("refuse positions outside the trees and claims that are wrong before", () => {
    const generated: GeneratedCase = {
      program: TWO_STEPS,
      inputs: [Uint8Array.of(1, 2, 3, 4)],
      instruction: 1,
    };
    const { commitment, honest, access } = setup(generated);
    const trace = access(wholeClaim(honest.map((data) => data.map((byte) => byte ^ 1))));
    const prove = (instruction: number, element: number) => (): unknown =>
      proveStep({ commitment, program: TWO_STEPS, trace, instruction, element });
    expect(prove(1, 0)).to.throw(RangeError);
    expect(prove(2, 0)).to.throw(RangeError);
    expect(prove(0, LEAF_BYTES)).to.throw(RangeError);
    expect(prove(0, LEAF_BYTES - 1)).not.to.throw();
    expect(prove(0, 0)).not.to.throw();
  });

  it("open exactly the leaves that an element reads", () => {
    const affine = (c0: number, coef: number): Axis => ({
      size: 1000,
      stride: 1,
      at: {
        c0,
        terms: [
          { dim: 0, coef },
          { dim: 1, coef: 1 },
        ],
        div: 1,
        exact: false,
      },
    });
    const f32 = (id: number, axes: readonly Axis[]): TensorLoad => {
      return { kind: "tensor", source: "input", id, dtype: "f32", elements: 1000, axes };
    };
    const coordinates: TensorLoad = { ...f32(1, [affine(0, 1)]), dtype: "u8" };
    const gathered = f32(0, [{ size: 1000, stride: 1, at: { gather: coordinates } }]);
    const read = (instruction: Instruction, element: number): number[][] =>
      leavesRead(instruction, element, ({ id }) =>
        id === 1 ? new Uint8Array(1000).fill(200) : new Uint8Array(4000),
      );
    const shape = { outDims: [100], redDims: [10], dtype: "f32" } as const;
    const dot = {
      ...shape,
      body: "mul",
      fold: "sum",
      loads: [f32(0, [affine(0, 60)]), f32(2, [affine(-5, 1)])],
    } as const;
    // Elements 120..129 straddle leaves 1 and 2 (64 elements each); -3..6 start before the tensor.
    expect(read(dot, 2)).to.deep.equal([[1, 2], [0]]);
    // Of 60..69 the first four belong to terms that are skipped for the other factor, -4..5.
    expect(read(dot, 1)).to.deep.equal([[1], [0]]);
    // Behind the end nothing is read.
    expect(read(dot, 99)).to.deep.equal([[], []]);
    expect(read({ ...shape, body: "copy", fold: "sum", loads: [gathered] }, 3)).to.deep.equal([[3], [0]]);
    const first = { ...shape, redDims: [], fold: "none", body: "first" } as const;
    const loads = [
      f32(0, [{ ...affine(0, 60), at: { c0: 0, terms: [{ dim: 0, coef: 60 }], div: 1, exact: false } }]),
    ];
    expect(read({ ...first, loads: [...loads, f32(2, [])] }, 3)).to.deep.equal([[2], []]);
    expect(read({ ...first, loads: [...loads, f32(2, [])] }, 99)).to.deep.equal([[], [0]]);
  });
});
