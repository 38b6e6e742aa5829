import { expect } from "chai";
import { decodeHeader, decodeInstruction } from "./decode.ts";
import { commitProgram } from "./commit.ts";
import { encodeInstruction } from "./encode.ts";
import type { Affine, Axis, Instruction, Program, TensorLoad } from "./instruction.ts";
import { generateCase, KINDS } from "./testing/generate.ts";
import { seededRng } from "./testing/rng.ts";
import { ProgramError, validateProgram, wellFormed, type ProgramErrorCode } from "./validate.ts";

const AT: Affine = { c0: 0, terms: [{ dim: 0, coef: 1 }], div: 1, exact: false };
const AXIS: Axis = { size: 4, stride: 1, at: AT };
const LOAD: TensorLoad = { kind: "tensor", source: "input", id: 0, dtype: "f32", elements: 4, axes: [AXIS] };
const NEG: Instruction = {
  body: "neg",
  fold: "none",
  dtype: "f32",
  outDims: [4],
  redDims: [],
  loads: [LOAD],
};
const INDICES: TensorLoad = { ...LOAD, source: "constant", dtype: "i8", elements: 2 };
const PROGRAM: Program = {
  loweringVersion: 1,
  inputs: [{ dtype: "f32", elements: 4 }],
  outputs: [{ instruction: 1, dtype: "f32", elements: 4 }],
  constants: [{ dtype: "i8", data: Uint8Array.of(1, 2) }],
  instructions: [NEG, { ...NEG, loads: [{ ...LOAD, source: "instruction" }] }],
};

function code(program: Program): ProgramErrorCode | undefined {
  try {
    validateProgram(program);
    return undefined;
  } catch (error) {
    if (error instanceof ProgramError) return error.code;
    throw error;
  }
}

/** The error of PROGRAM with a changed second instruction. */
function second(change: Partial<Instruction>): ProgramErrorCode | undefined {
  return code({ ...PROGRAM, outputs: [], instructions: [NEG, { ...NEG, ...change }] });
}

function withLoad(change: Partial<TensorLoad>): ProgramErrorCode | undefined {
  return second({ loads: [{ ...LOAD, ...change }] });
}

function withAffine(change: Partial<Affine>): ProgramErrorCode | undefined {
  return withLoad({ axes: [{ ...AXIS, at: { ...AT, ...change } }] });
}

const many = <T>(item: T): T[] => Array.from({ length: 9 }, () => item);

describe("validation", () => {
  it("accepts what is well formed", () => {
    expect(code(PROGRAM)).to.equal(undefined);
    expect(second({})).to.equal(undefined);
    expect(withLoad({ axes: [{ ...AXIS, at: { gather: INDICES } }] })).to.equal(undefined);
  });

  it("names the instruction", () => {
    expect(() => validateProgram({ ...PROGRAM, instructions: [NEG, { ...NEG, fold: "sum" }] }))
      .to.throw(ProgramError)
      .with.property("instruction", 1);
  });

  it("refuses sizes and counts beyond the limits", () => {
    expect(second({ outDims: [4, 0] })).to.equal("dims");
    expect(second({ outDims: many(1) })).to.equal("dims");
    expect(second({ outDims: [2 ** 16, 2 ** 16] })).to.equal("dims");
    expect(second({ fold: "max", redDims: [2 ** 10, 2 ** 10 + 1] })).to.equal("dims");
    expect(second({ redDims: [1] })).to.equal("dims");
    expect(withLoad({ axes: many(AXIS) })).to.equal("dims");
    expect(withAffine({ terms: many({ dim: 0, coef: 1 }) })).to.equal("dims");
    expect(withAffine({ terms: [{ dim: 1, coef: 1 }] })).to.equal("affine");
    expect(withAffine({ div: 0 })).to.equal("affine");
  });

  it("refuses numbers that do not fit their fields", () => {
    expect(withAffine({ c0: 2 ** 31 })).to.equal("encoding");
    expect(withAffine({ terms: [{ dim: 0, coef: 0.5 }] })).to.equal("encoding");
    expect(withLoad({ axes: [{ ...AXIS, stride: 2 ** 32 }] })).to.equal("encoding");
    expect(second({ outDims: [1.5] })).to.equal("encoding");
  });

  it("refuses literals and loads that make no sense", () => {
    const literal = (dtype: "f16" | "acc", bits: bigint) =>
      second({ loads: [{ kind: "literal", dtype, bits }] });
    expect(literal("f16", 0xffffn)).to.equal(undefined);
    expect(literal("f16", 0x10000n)).to.equal("bits");
    expect(literal("f16", -1n)).to.equal("bits");
    expect(literal("acc", 0n)).to.equal("bits");
    expect(withLoad({ fill: 1n << 32n })).to.equal("bits");
    expect(withLoad({ zero: 1 })).to.equal("load");
    expect(withLoad({ axes: [{ ...AXIS, at: { gather: LOAD } }] })).to.equal("gather");
    const nested: Axis = { ...AXIS, at: { gather: INDICES } };
    expect(withLoad({ axes: [{ ...AXIS, at: { gather: { ...INDICES, axes: [nested] } } }] })).to.equal(
      "gather",
    );
  });

  it("refuses operands that do not exist, come later or are described wrongly", () => {
    expect(withLoad({ id: 1 })).to.equal("reference");
    expect(withLoad({ source: "constant", id: 1 })).to.equal("reference");
    expect(withLoad({ source: "instruction", id: 1 })).to.equal("reference");
    expect(withLoad({ axes: [{ ...AXIS, at: { gather: { ...INDICES, id: 1 } } }] })).to.equal("reference");
    expect(withLoad({ dtype: "i32", zero: 3 })).to.equal("operand");
    expect(withLoad({ elements: 5 })).to.equal("operand");
    expect(withLoad({ source: "instruction", elements: 5 })).to.equal("operand");
    expect(withLoad({ axes: [{ ...AXIS, at: { gather: { ...INDICES, elements: 3 } } }] })).to.equal(
      "operand",
    );
  });

  it("refuses what is not in the table of legal combinations", () => {
    const literal = { kind: "literal", dtype: "f32", bits: 0n } as const;
    expect(second({ fold: "sum" })).to.equal("illegal");
    expect(second({ body: "and", loads: [LOAD, LOAD] })).to.equal("illegal");
    expect(second({ body: "add" })).to.equal("illegal");
    expect(second({ body: "first", loads: [] })).to.equal("illegal");
    expect(second({ body: "first", loads: [LOAD, LOAD] })).to.equal(undefined);
    expect(second({ body: "where", loads: [LOAD, LOAD, LOAD] })).to.equal("illegal");
    expect(second({ body: "eq", loads: [LOAD, literal] })).to.equal("illegal");
    expect(second({ body: "eq", loads: [LOAD, literal], dtype: "bool" })).to.equal(undefined);
    expect(second({ body: "exp", dtype: "f16" })).to.equal("illegal");
    expect(second({ body: "copy", fold: "max", dtype: "bool" })).to.equal("illegal");
    expect(second({ body: "copy", dtype: "acc" })).to.equal(undefined);
    expect(second({ body: "neg", dtype: "acc" })).to.equal("illegal");
  });

  it("refuses constants and outputs that are not what they should be", () => {
    const constant = (dtype: "f32" | "bool" | "i16" | "f16", ...data: number[]) =>
      code({ ...PROGRAM, constants: [...PROGRAM.constants, { dtype, data: Uint8Array.from(data) }] });
    expect(constant("i16", 0, 0x80)).to.equal(undefined);
    expect(constant("i16", 0)).to.equal("constant");
    expect(constant("bool", 0, 1, 2)).to.equal("constant");
    expect(constant("f32", 0, 0, 0, 0x80)).to.equal("constant");
    expect(constant("f32", 0, 0, 0xc0, 0x7f)).to.equal(undefined);
    expect(constant("f32", 0, 0, 0xc0, 0xff)).to.equal("constant");
    expect(constant("f16", 1, 0x7c)).to.equal("constant");
    expect(constant("f16", 0, 0xfc)).to.equal(undefined);
    const output = (instruction: number, elements: number) =>
      code({ ...PROGRAM, outputs: [{ instruction, elements, dtype: "f32" }] });
    expect(output(2, 4)).to.equal("output");
    expect(output(1, 3)).to.equal("output");
    expect(output(0, 4)).to.equal(undefined);
  });
});

describe("decoding", () => {
  it("is a strict inverse: changed bytes decode to nothing, or to what encodes to them", function () {
    this.timeout(20_000);
    const rng = seededRng(21);
    let decoded = 0;
    for (let n = 0; n < 1500; n++) {
      const { program, instruction } = generateCase(rng, rng.pick(KINDS));
      const { encodings, header } = commitProgram(program);
      const whole = encodings[instruction] ?? new Uint8Array();
      const bytes = whole.slice(0, rng.chance(0.2) ? rng.int(0, whole.length) : whole.length);
      for (let changes = rng.int(0, 2); changes > 0 && bytes.length > 0; changes--)
        bytes[rng.int(0, bytes.length - 1)] = rng.pick([0, 1, 2, 255, rng.int(0, 255)]);
      const found = decodeInstruction(bytes);
      if (found !== undefined) {
        decoded++;
        expect(encodeInstruction(found)).to.deep.equal(bytes);
      }
      const place = decodeHeader(header);
      if (place === undefined) throw new Error("header does not decode");
      if (wellFormed(bytes, instruction, place) !== undefined) expect(found).not.to.equal(undefined);
      expect(wellFormed(whole, instruction, place)).to.deep.equal(program.instructions[instruction]);
    }
    expect(decoded).to.be.within(300, 1499);
  });

  it("refuses trailing bytes, other formats and outputs of no instruction", () => {
    const { header, encodings } = commitProgram(PROGRAM);
    expect(decodeHeader(header)).not.to.equal(undefined);
    expect(decodeHeader(Uint8Array.from([...header, 0]))).to.equal(undefined);
    expect(decodeHeader(header.map((byte, i) => (i === 1 ? 2 : byte)))).to.equal(undefined);
    expect(decodeHeader(header.subarray(0, -1))).to.equal(undefined);
    const pointing = commitProgram({ ...PROGRAM, outputs: [{ instruction: 2, dtype: "f32", elements: 4 }] });
    expect(decodeHeader(pointing.header)).to.equal(undefined);
    expect(decodeInstruction(Uint8Array.from([...(encodings[0] ?? []), 0]))).to.equal(undefined);
  });
});
