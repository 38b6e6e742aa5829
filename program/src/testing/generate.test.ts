import { expect } from "chai";
import { decodeHeader, decodeInstruction } from "../decode.ts";
import { dtype, DTYPES } from "../dtype.ts";
import { commitProgram } from "../commit.ts";
import { BODIES, FOLDS, outElements, type Body, type Fold } from "../instruction.ts";
import { isLegal } from "../legal.ts";
import { treeRoot } from "../merkle.ts";
import { runNaive } from "../naive/interpret.ts";
import { nonCanonical, validateProgram } from "../validate.ts";
import { generateCase, generateInstruction, KINDS } from "./generate.ts";
import { seededRng } from "./rng.ts";

const NAMES = DTYPES.map(({ name }) => name);

describe("generator of instructions", () => {
  it("repeats itself for the same seed", () => {
    const kind = KINDS[0];
    if (kind === undefined) throw new Error("no kinds");
    const [a, b, c] = [1, 1, 2].map((seed) => generateInstruction(seededRng(seed), kind));
    expect(a).to.deep.equal(b);
    expect(a).not.to.deep.equal(c);
  });

  it("knows every kind that is legal for some operands", function () {
    this.timeout(20_000);
    const known = new Set(KINDS.map(({ body, fold, dtype: name }) => `${body}/${fold}/${name}`));
    for (const body of Object.keys(BODIES) as Body[])
      for (const fold of Object.keys(FOLDS) as Fold[])
        for (const out of NAMES)
          for (const a of NAMES)
            for (const b of BODIES[body].arity > 1 ? NAMES : [a]) {
              const operands = [a, b, body === "qmul" || body === "qdiv" ? ("i32" as const) : b];
              if (isLegal(body, fold, out, operands.slice(0, BODIES[body].arity)))
                expect(known.has(`${body}/${fold}/${out}`), `${body}/${fold}/${out}`).to.equal(true);
            }
  });

  it("makes well-formed programs of every kind, whose outputs are whole and canonical and whose encoding decodes", function () {
    this.timeout(60_000);
    const rng = seededRng(7);
    for (const kind of KINDS) {
      const { program, inputs } = generateCase(rng, kind);
      validateProgram(program);
      const outputs = runNaive(program, inputs);
      for (const [i, instruction] of program.instructions.entries()) {
        const data = outputs[i] ?? new Uint8Array();
        expect(data.length).to.equal(outElements(instruction) * dtype(instruction.dtype).bytes);
        expect(nonCanonical(instruction.dtype, data), JSON.stringify(kind)).to.equal(undefined);
      }
      const { header, encodings, instructions, constants } = commitProgram(program);
      for (const [i, encoding] of encodings.entries())
        expect(decodeInstruction(encoding)).to.deep.equal(program.instructions[i]);
      expect(decodeHeader(header)).to.deep.equal({
        loweringVersion: program.loweringVersion,
        inputs: program.inputs,
        outputs: program.outputs,
        constants: program.constants.length,
        instructions: program.instructions.length,
        constantsRoot: Uint8Array.from(treeRoot(constants)),
        instructionsRoot: Uint8Array.from(treeRoot(instructions)),
      });
    }
  });
});
