/** docs/program.md is enough: an implementation in another language, written from it alone, agrees on roots and elements. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { z } from "zod/v4";
import { inputsTree, splitBlob } from "../../program/src/claim.ts";
import { commitProgram } from "../../program/src/commit.ts";
import type { Program } from "../../program/src/instruction.ts";
import { treeRoot } from "../../program/src/merkle.ts";
import { generateCase, KINDS } from "../../program/src/testing/generate.ts";
import { seededRng } from "../../program/src/testing/rng.ts";
import { computeTrace } from "../../program/src/trace.ts";
import { describeFile } from "../../verifier/src/releases/prepare.ts";

const MODELS = join(import.meta.dirname, "../../examples/models");
/** Elements of each instruction. */
const SAMPLES = 6;

const SEED = 5;
/** Of all kinds of instructions, so that it does not take long. */
const KIND_STRIDE = 4;
/** Bodies that the standard library has no exact function for. */
const LEFT_OUT = ["atan", "cos", "erf", "pow", "sin"];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const results = z.array(
  z.object({
    name: z.string(),
    instructions: z.number(),
    evaluated: z.number(),
    skipped: z.array(z.string()),
  }),
);
const tests = z.object({ inputs: z.array(z.string()).min(1) });

/** A program's commitments, and its trace for some inputs. */
function describeCase(name: string, program: Program, inputs: readonly Uint8Array[]): object {
  const committed = commitProgram(program);
  const trace = computeTrace(program, inputs);
  return {
    name,
    samples: SAMPLES,
    header: hex(committed.header),
    programRoot: hex(committed.root),
    instructions: committed.encodings.map(hex),
    constants: program.constants.map(({ data }) => hex(data)),
    inputs: inputs.map(hex),
    inputsRoot: hex(treeRoot(inputsTree(inputs))),
    trace: trace.tensors.map(hex),
    traceRoot: hex(trace.root()),
  };
}

/** The model's program, for the first input of its test set. */
async function modelCase(name: string): Promise<object> {
  const { program } = await describeFile(join(MODELS, name, `${name}.onnx`), {});
  const { inputs } = tests.parse(JSON.parse(readFileSync(join(MODELS, name, "test.json"), "utf8")));
  const blob = new Uint8Array(Buffer.from(inputs[0] ?? "", "base64"));
  return describeCase(name, program, splitBlob(program.inputs, blob));
}

/** Runs the other implementation. @throws with what it found wrong. */
function followText(cases: readonly object[]): z.infer<typeof results> {
  const args = [join(import.meta.dirname, "interpreter.py")];
  const input = JSON.stringify(cases);
  return results.parse(
    JSON.parse(execFileSync("python3", args, { input, encoding: "utf8", maxBuffer: 2 ** 26 })),
  );
}

describe("the specification of exact tensor programs", () => {
  before(function () {
    // The project needs no Python.
    if (spawnSync("python3", ["--version"]).status !== 0) this.skip();
  });

  it("is all that an implementation in another language needs for whole models", async () => {
    const names = ["digits", "breast-cancer", "volatility", "credit"];
    const said = followText(await Promise.all(names.map(modelCase)));
    expect(said.map(({ name }) => name)).to.deep.equal(names);
    for (const { name, instructions, evaluated, skipped } of said) {
      expect(skipped, name).to.deep.equal([]);
      expect(evaluated, name).to.be.at.least(2 * instructions - 1);
    }
  });

  it("is all that it needs for random instructions of every kind", () => {
    const rng = seededRng(SEED);
    const kinds = KINDS.filter((_, k) => k % KIND_STRIDE === 0);
    const said = followText(
      kinds.map((kind) => {
        const { program, inputs } = generateCase(rng, kind);
        return describeCase(`${kind.fold} of ${kind.body} to ${kind.dtype}`, program, inputs);
      }),
    );
    const skipped = new Set(said.flatMap((result) => result.skipped));
    expect([...skipped].toSorted()).to.deep.equal(LEFT_OUT);
    expect(said.reduce((sum, { evaluated }) => sum + evaluated, 0)).to.be.at.least(2 * kinds.length);
  });
});
