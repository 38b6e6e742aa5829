/** Claims and proofs that try to deceive the referee: each reverts, or is judged as it deserves. */
import { expect } from "chai";
import { concat, getBytes, toBeHex, zeroPadValue } from "ethers";
import { dtype } from "../../program/src/dtype.ts";
import { inputsRoot } from "../../program/src/claim.ts";
import { commitProgram } from "../../program/src/commit.ts";
import { encodeInstruction } from "../../program/src/encode.ts";
import type { Instruction } from "../../program/src/instruction.ts";
import { hashTree, sha256, treeNode, treeRoot } from "../../program/src/merkle.ts";
import type { LeavesProof, StepProof } from "../../program/src/prove.ts";
import {
  flipBit,
  outputProof,
  stepProof,
  tampered,
  traceRootOf,
  trial,
  type Trial,
} from "../../program/src/testing/trial.ts";
import {
  axis,
  deployReferee,
  f32,
  i32,
  instruction,
  judgeStep,
  leavesOf,
  programOf,
  tensor,
  type RefereeContract,
} from "./judging.ts";

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

// 200 elements are four leaves of which the last is not full.
const LENGTH = 200;
const a = f32(range(LENGTH).map((i) => i - 77));
const b = f32(range(LENGTH).map((i) => 1000 - i));

function along(source: "input" | "instruction", id: number) {
  return tensor(source, id, "f32", [axis(LENGTH, 1, [[0, 1]])]);
}

/** Three instructions: a - b; twice that; and its sum, in one element. The trace tree has a fourth, empty leaf. */
const INSTRUCTIONS = [
  instruction(["sub", "none", "f32"], [LENGTH], [], [along("input", 0), along("input", 1)]),
  instruction(["add", "none", "f32"], [LENGTH], [], [along("instruction", 0), along("instruction", 0)]),
  instruction(["copy", "sum", "f32"], [], [LENGTH], [along("instruction", 1)]),
] as const;

function changed(proof: StepProof, change: Partial<StepProof>): StepProof {
  return { ...proof, ...change };
}

function withOperand(proof: StepProof, index: number, leaves: Partial<LeavesProof>): StepProof {
  const operands = proof.operands.map((operand, i) =>
    i === index ? { ...operand, leaves: { ...operand.leaves, ...leaves } } : operand,
  );
  return changed(proof, { operands });
}

function flipped(data: Uint8Array, at = 0): Uint8Array {
  const copy = data.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

describe("the referee under attack", () => {
  let referee: RefereeContract;
  let on: Trial;
  before(async () => {
    referee = await deployReferee();
    on = trial(
      programOf(INSTRUCTIONS, [
        ["f32", a],
        ["f32", b],
      ]),
      [a, b],
    );
  });

  const refuses = async (verdict: Promise<unknown>, error: string): Promise<void> => {
    await expect(verdict).to.be.revertedWithCustomError(referee, error);
  };
  /** A program whose second instruction has the given encoding. */
  const withEncoding = (encoding: Uint8Array): Trial => {
    const { program, commitment, inputs, right } = on;
    const encodings = commitment.encodings.map((e, k) => (k === 1 ? encoding : e));
    const instructions = hashTree(encodings.map((e) => sha256(e)));
    const header = commitment.header.slice();
    header.set(treeRoot(instructions), 52);
    const root = sha256(header);
    return { program, inputs, right, commitment: { ...commitment, encodings, instructions, header, root } };
  };

  it("accepts the right trace at the first, last and every padding element", async () => {
    for (const [k, { dtype: name, outDims }] of INSTRUCTIONS.entries()) {
      const elements = outDims.reduce((x, y) => x * y, 1);
      const padded = leavesOf(elements * dtype(name).bytes) * 64;
      for (const element of [0, elements - 1, elements, padded - 1])
        if (element < padded) expect(await judgeStep(referee, on, on.right, k, element)).to.equal(false);
    }
    expect(await judgeStep(referee, on, on.right, 3, 0)).to.equal(false);
  });

  it("refuses positions outside the trees", async () => {
    const proof = stepProof(on, on.right, 0, 0);
    await refuses(judgeStep(referee, on, on.right, 0, 256, proof), "NoSuchElement");
    const past = stepProof(on, on.right, 3, 0);
    await refuses(judgeStep(referee, on, on.right, 4, 0, past), "NoSuchLeaf");
  });

  it("finds garbage behind the end of a tensor and of the trace", async () => {
    const claimed = tampered(on, 0, () => undefined);
    const longer = new Uint8Array(1024);
    longer.set(claimed[0] ?? longer);
    longer[LENGTH * 4 + 1] = 1;
    claimed[0] = longer;
    expect(await judgeStep(referee, on, claimed, 0, LENGTH)).to.equal(true);
    expect(await judgeStep(referee, on, claimed, 0, LENGTH + 1)).to.equal(false);
    const padded = [...on.right, a];
    expect(await judgeStep(referee, on, padded, 3, 0, stepProof(on, padded, 3, 0))).to.equal(true);
  });

  it("refuses operands that are swapped, left out, doubled or not opened", async () => {
    const proof = stepProof(on, on.right, 0, 5);
    const [first, second] = proof.operands;
    if (first === undefined || second === undefined) throw new Error("two operands");
    const judge = (operands: StepProof["operands"]) =>
      judgeStep(referee, on, on.right, 0, 5, changed(proof, { operands }));
    await refuses(judge([second, first]), "WrongOperand");
    await refuses(judge([first, first]), "WrongOperand");
    await refuses(judge([first]), "OperandCount");
    await refuses(judge([first, second, second]), "OperandCount");
    const closed = {
      path: new Uint8Array(),
      leaves: { data: new Uint8Array(), indices: new Uint8Array(), path: new Uint8Array() },
    };
    const interpreter = await ethersInterpreter();
    await expect(judge([first, closed])).to.be.revertedWithCustomError(interpreter, "LeafMissing");
    // another leaf than the one that is read
    const elsewhere = stepProof(on, on.right, 0, 70).operands[1];
    if (elsewhere === undefined) throw new Error("two operands");
    await expect(judge([first, elsewhere])).to.be.revertedWithCustomError(interpreter, "LeafMissing");
  });

  const ethersInterpreter = async () => {
    const { network } = await import("hardhat");
    const { ethers } = await network.getOrCreate();
    return ethers.getContractAt("Interpreter", await referee.interpreter());
  };

  it("refuses changed leaves, indices and paths", async () => {
    const proof = stepProof(on, on.right, 2, 0);
    const [operand] = proof.operands;
    if (operand === undefined) throw new Error("one operand");
    const { data, indices, path } = operand.leaves;
    const judge = (leaves: Partial<LeavesProof>) =>
      judgeStep(referee, on, on.right, 2, 0, withOperand(proof, 0, leaves));
    expect(await judge({})).to.equal(false);
    await refuses(judge({ data: flipped(data, 300) }), "WrongOperand");
    await refuses(judge({ data: data.subarray(256) }), "LeavesLength");
    await refuses(
      judge({ indices: Uint8Array.from([...indices.subarray(4), 0, 0, 0, 0]) }),
      "LeavesNotAscending",
    );
    await refuses(
      judge({ indices: Uint8Array.from([...indices.subarray(0, 12), 0, 0, 0, 4]) }),
      "NoSuchLeaf",
    );
    await refuses(judge({ path: Uint8Array.from([...path, ...new Uint8Array(32)]) }), "PathLength");
    const single = stepProof(on, on.right, 0, 5);
    const shorter = single.operands[0]?.leaves.path.subarray(32) ?? new Uint8Array();
    await refuses(
      judgeStep(referee, on, on.right, 0, 5, withOperand(single, 0, { path: shorter })),
      "PathLength",
    );
  });

  it("refuses another header, instruction, output leaf or trace", async () => {
    const proof = stepProof(on, on.right, 0, 5);
    const judge = (change: Partial<StepProof>) =>
      judgeStep(referee, on, on.right, 0, 5, changed(proof, change));
    await refuses(judge({ header: flipped(proof.header, 2) }), "WrongHeader");
    await refuses(judge({ instruction: flipped(proof.instruction) }), "WrongInstruction");
    await refuses(judge({ instruction: stepProof(on, on.right, 1, 5).instruction }), "WrongInstruction");
    await refuses(judge({ output: { ...proof.output, data: flipped(proof.output.data) } }), "WrongTrace");
    await refuses(judge({ output: stepProof(on, on.right, 0, 70).output }), "OutputLeaf");
    await refuses(judge({ outputPath: flipped(proof.outputPath) }), "WrongTrace");
    await refuses(judge({ outputPath: proof.outputPath.subarray(32) }), "PathLength");
    await refuses(judgeStep(referee, on, tampered(on, 2, flipBit(0, 4, 0)), 0, 5, proof), "WrongTrace");
  });

  it("judges operands by the claimed trace: an error counts where it was made", async () => {
    // Instruction 0 is wrong and the rest follows from it.
    const wrong = on.right.map((data) => data.slice());
    const [first, second] = [f32([0]), f32([0])];
    wrong[0]?.set(first, 0);
    wrong[1]?.set(second, 0);
    const follows: Trial = { ...on, right: wrong };
    expect(await judgeStep(referee, follows, wrong, 0, 0)).to.equal(true);
    expect(await judgeStep(referee, follows, wrong, 1, 0)).to.equal(false);
  });

  it("judges a malformed instruction against the claim", async () => {
    const encoding = on.commitment.encodings[1];
    if (encoding === undefined) throw new Error("three instructions");
    const [, made] = INSTRUCTIONS;
    const variants: Uint8Array[] = [
      encoding.subarray(0, encoding.length - 1),
      Uint8Array.from([...encoding, 0]),
      new Uint8Array(),
      ...[
        [0, 0x7f], // no such body
        [1, 1], // sum of add to a float
        [2, 13], // add to acc
        [3, 9], // too many dimensions
        [5, 1], // one load
        [9, 0], // a dimension of 0
      ].map(([at = 0, value = 0]) => {
        const copy = encoding.slice();
        copy[at] = value;
        return copy;
      }),
      encodeInstruction({ ...made, loads: [along("instruction", 1), along("instruction", 1)] }), // itself
      encodeInstruction({ ...made, loads: [along("input", 0), tensor("input", 2, "f32", [])] }),
      encodeInstruction({
        ...made,
        loads: [along("input", 0), tensor("input", 1, "f32", [axis(3, 1, [[1, 1]])])],
      }),
      encodeInstruction({ ...made, loads: [along("input", 0), tensor("input", 1, "f32", [], { zero: 1 })] }),
    ];
    for (const [k, variant] of variants.entries()) {
      const program = withEncoding(variant);
      const proof = stepProof(program, on.right, 1, 0);
      expect(await judgeStep(referee, program, on.right, 1, 0, proof), `variant ${k}`).to.equal(true);
      const { header, instructions } = program.commitment;
      const path = concat(range(2).map((level) => treeNode(instructions, level, level === 0 ? 0 : 1)));
      expect(await referee.tensorDepth(program.commitment.root, header, 1, variant, path)).to.equal(0n);
    }
  });

  it("bears the largest reduction of skipped terms that the limits allow", async () => {
    // 2^20 terms of which all are out of range but in a run: one look tells.
    const far = tensor("input", 0, "f32", [axis(LENGTH, 1, [[0, 1]], -(2 ** 21))]);
    const made = instruction(["copy", "sum", "f32"], [], [2 ** 20], [far]);
    const big = trial(programOf([made], [["f32", a]]), [a], [f32([0])]);
    const proof = stepProof(
      { ...big, program: { ...big.program, instructions: [{ ...made, redDims: [1] }] } },
      big.right,
      0,
      0,
    );
    const honest = changed(proof, { instruction: encodeInstruction(made) });
    expect(await judgeStep(referee, big, big.right, 0, 0, honest)).to.equal(false);
    const tooBig: Instruction = { ...made, redDims: [2 ** 20 + 1] };
    const malformed = { ...big, commitment: commitProgram(programOf([tooBig], [["f32", a]])) };
    const encoding = changed(honest, {
      header: malformed.commitment.header,
      instruction: encodeInstruction(tooBig),
    });
    expect(await judgeStep(referee, malformed, big.right, 0, 0, encoding)).to.equal(true);
  });

  it("judges a malformed header against the claim and answers nothing else about it", async () => {
    const header = on.commitment.header;
    const outputs = header.length - 9;
    for (const change of [
      (h: Uint8Array) => h.set([2], 1), // format
      (h: Uint8Array) => h.set([0xff, 0xff, 0xff, 0xff], 4), // inputs
      (h: Uint8Array) => h.set([0xff, 0xff, 0xff, 0xff], 16), // outputs
      (h: Uint8Array) => h.set([14], outputs), // dtype
      (h: Uint8Array) => h.set([0, 0, 0, 3], outputs + 5), // instruction
    ]) {
      const bad = header.slice();
      change(bad);
      const commitment = { ...on.commitment, header: bad, root: sha256(bad) };
      const proof = changed(stepProof(on, on.right, 0, 0), { header: bad });
      expect(await judgeStep(referee, { ...on, commitment }, on.right, 0, 0, proof)).to.equal(true);
      await refuses(referee.traceDepth(sha256(bad), bad), "MalformedHeader");
      await refuses(referee.inputsRoot(sha256(bad), bad, "0x"), "MalformedHeader");
    }
  });
});

describe("judgeOutput", () => {
  let referee: RefereeContract;
  let on: Trial;
  const ONE = 0x3f800000;
  before(async () => {
    referee = await deployReferee();
    const floats = f32([1, -2.5, Infinity, NaN, 0, 2 ** 127]);
    const integers = i32([5, -6]);
    const copies = [
      instruction(["copy", "none", "i32"], [2], [], [tensor("input", 1, "i32", [axis(2, 1, [[0, 1]])])]),
      instruction(["copy", "none", "f32"], [6], [], [tensor("input", 0, "f32", [axis(6, 1, [[0, 1]])])]),
    ];
    on = trial(
      programOf(copies, [
        ["f32", floats],
        ["i32", integers],
      ]),
      [floats, integers],
    );
  });

  const judge = (published: Uint8Array, output: number, element: number, atol = 0, rtol = 0) =>
    referee.judgeOutput(
      on.commitment.root,
      traceRootOf(on.right),
      output,
      element,
      published,
      atol,
      rtol,
      outputProof(on, on.right, output, element),
    );
  /** The blob with element `element` of the floats replaced. */
  const withFloat = (element: number, bits: number): Uint8Array => {
    const blob = Uint8Array.from(Buffer.concat(on.right));
    blob.set(getBytes(zeroPadValue(toBeHex(bits), 4)).reverse(), 8 + 4 * element);
    return blob;
  };
  const bitsOf = (value: number): number => new Uint32Array(Float32Array.from([value]).buffer)[0] ?? 0;

  it("compares bytes when there is no tolerance", async () => {
    const blob = Uint8Array.from(Buffer.concat(on.right));
    for (const element of range(6)) expect(await judge(blob, 1, element)).to.equal(false);
    for (const element of range(2)) expect(await judge(blob, 0, element)).to.equal(false);
    expect(await judge(withFloat(1, bitsOf(-2.5) + 1), 1, 1)).to.equal(true);
    expect(await judge(withFloat(4, 0x80000000), 1, 4), "-0").to.equal(true);
    expect(await judge(withFloat(3, 0x7fc00001), 1, 3), "another NaN").to.equal(true);
  });

  it("allows atol + rtol * |x| and nothing more, exactly", async () => {
    const half = bitsOf(0.5);
    expect(await judge(withFloat(1, bitsOf(-2)), 1, 1, half), "atol").to.equal(false);
    expect(await judge(withFloat(1, bitsOf(-2) - 1), 1, 1, half), "a unit more").to.equal(true);
    expect(await judge(withFloat(1, bitsOf(-3)), 1, 1, half)).to.equal(false);
    expect(await judge(withFloat(1, bitsOf(-3) + 1), 1, 1, half)).to.equal(true);
    expect(await judge(withFloat(1, bitsOf(0)), 1, 1, 0, ONE), "rtol").to.equal(false);
    expect(await judge(withFloat(1, bitsOf(2 ** -149)), 1, 1, 0, ONE), "less than a rounding").to.equal(true);
    expect(await judge(withFloat(1, bitsOf(2 ** -149)), 1, 1, 1, ONE), "atol of as much").to.equal(false);
    const most = 0x7f7fffff;
    expect(await judge(withFloat(5, 0xff7fffff), 1, 5, most, ONE), "beyond binary32").to.equal(false);
    expect(await judge(withFloat(5, 0xff7fffff), 1, 5, most - 1, ONE), "just not").to.equal(true);
  });

  it("has NaN agree with NaN and infinities with themselves, whatever the tolerance", async () => {
    const most = 0x7f7fffff;
    expect(await judge(Uint8Array.from(Buffer.concat(on.right)), 1, 3, most, most)).to.equal(false);
    expect(await judge(withFloat(3, 0), 1, 3, most, most)).to.equal(true);
    expect(await judge(withFloat(2, most), 1, 2, most, most)).to.equal(true);
    expect(await judge(withFloat(2, 0xff800000), 1, 2, most, most)).to.equal(true);
    expect(await judge(withFloat(0, 0x7f800000), 1, 0, most, most)).to.equal(true);
  });

  it("has every published element canonical, whatever the tolerance", async () => {
    expect(await judge(withFloat(3, 0xffc12345), 1, 3, ONE, ONE), "another NaN").to.equal(true);
    expect(await judge(withFloat(4, 0x80000000), 1, 4, ONE, ONE), "-0").to.equal(true);
    expect(await judge(withFloat(4, 0x00000001), 1, 4, ONE, ONE), "a subnormal").to.equal(false);
    const truth = Uint8Array.of(1);
    const copy = instruction(["copy", "none", "bool"], [], [], [tensor("input", 0, "bool", [])]);
    const sure = trial(programOf([copy], [["bool", truth]]), [truth]);
    const proof = outputProof(sure, sure.right, 0, 0);
    const told = (byte: number) =>
      referee.judgeOutput(
        sure.commitment.root,
        traceRootOf(sure.right),
        0,
        0,
        Uint8Array.of(byte),
        ONE,
        ONE,
        proof,
      );
    expect(await told(1)).to.equal(false);
    for (const byte of [0, 2, 255]) expect(await told(byte), `a bool of ${byte}`).to.equal(true);
  });

  it("has integers equal whatever the tolerance", async () => {
    const blob = Uint8Array.from(Buffer.concat(on.right));
    blob[4] = (blob[4] ?? 0) ^ 1;
    expect(await judge(blob, 0, 0, ONE, ONE)).to.equal(false);
    expect(await judge(blob, 0, 1, ONE, ONE)).to.equal(true);
  });

  it("refuses other lengths, positions and tolerances", async () => {
    const blob = Uint8Array.from(Buffer.concat(on.right));
    const refuses = async (verdict: Promise<unknown>, error: string) =>
      expect(verdict).to.be.revertedWithCustomError(referee, error);
    await refuses(judge(blob.subarray(1), 1, 0), "BlobLength");
    await refuses(judge(Uint8Array.from([...blob, 0]), 1, 0), "BlobLength");
    for (const bits of [0x7f800000, 0x7fc00000, 0x80000001]) {
      await refuses(judge(blob, 1, 0, bits), "InvalidTolerance");
      await refuses(judge(blob, 1, 0, 0, bits), "InvalidTolerance");
    }
    const proof = outputProof(on, on.right, 1, 5);
    const at = (output: number, element: number) =>
      referee.judgeOutput(on.commitment.root, traceRootOf(on.right), output, element, blob, 0, 0, proof);
    await refuses(at(2, 0), "NoSuchOutput");
    await refuses(at(1, 6), "NoSuchElement");
    await refuses(at(0, 0), "WrongTrace");
  });
});

describe("roots and depths", () => {
  it("are those of the program", async () => {
    const referee = await deployReferee();
    for (const lengths of [[], [64], [65, 3], [1, 200, 64, 0, 300]]) {
      const inputs = lengths.map((n) => f32(range(n)));
      const program = programOf(
        INSTRUCTIONS.slice(0, 1),
        inputs.map((data) => ["f32", data] as const),
      );
      const { root, header, encodings } = commitProgram(program);
      const blob = Uint8Array.from(Buffer.concat(inputs));
      expect(await referee.inputsRoot(root, header, blob)).to.equal(
        "0x" + Buffer.from(inputsRoot(program, blob)).toString("hex"),
      );
      await expect(referee.inputsRoot(root, header, concat([blob, "0x00"]))).to.be.revertedWithCustomError(
        referee,
        "BlobLength",
      );
      expect(await referee.traceDepth(root, header)).to.equal(0n);
      // inputs 0 and 1 exist or the instruction is malformed
      const depth = lengths.length > 1 ? 2n : 0n;
      expect(await referee.tensorDepth(root, header, 0, encodings[0] ?? "0x", "0x")).to.equal(depth);
    }
  });
});
