/** Naive interpreter, fast interpreter and referee, side by side. */
import { expect } from "chai";
import { dtype, DTYPES } from "../../program/src/dtype.ts";
import { expectAgreement, singleProgram } from "../../program/src/fast/agreement.ts";
import { FOLDS, outElements, type Fold, type Program } from "../../program/src/instruction.ts";
import { isLegal } from "../../program/src/legal.ts";
import { estimateStep } from "../../program/src/limits.ts";
import { setElementBits } from "../../program/src/naive/value.ts";
import { edgeElements } from "../../program/src/testing/elements.ts";
import { generateCase, type Kind } from "../../program/src/testing/generate.ts";
import type { Rng } from "../../program/src/testing/rng.ts";
import { flipBit, tampered, trial } from "../../program/src/testing/trial.ts";
import { axis, gasOfStep, instruction, judgeStep, tensor, type RefereeContract } from "./judging.ts";

/**
 * Share of elements for which a wrong claim is judged too, and gas is compared with its bound. (A right claim proves that the
 * referee computes the same bits; a wrong one only that it does not call everything right.)
 */
const SHARE = 0.1;

/**
 * Expects the interpreters to give equal tensors, and the referee to find the last instruction's elements right and changed ones
 * wrong, within the gas that was estimated.
 * @param count How many elements the referee judges, at random.
 * @returns how many it judged.
 */
export async function expectThreeAgree(
  referee: RefereeContract,
  rng: Rng,
  [program, inputs]: readonly [Program, readonly Uint8Array[]],
  count: number,
  label: string,
): Promise<number> {
  expectAgreement(program, inputs, label);
  const on = trial(program, inputs);
  const last = program.instructions.length - 1;
  const made = program.instructions[last];
  if (made === undefined) throw new RangeError("an empty program");
  const { bytes } = dtype(made.dtype);
  const all = outElements(made);
  const elements = new Set(Array.from({ length: count }, () => rng.int(0, all - 1)));
  for (const element of elements) {
    expect(await judgeStep(referee, on, on.right, last, element), `${label}, element ${element}`).to.equal(
      false,
    );
    if (!rng.chance(SHARE)) continue;
    const gas = await gasOfStep(referee, on, on.right, last, element);
    expect(Number(gas), `gas of ${label}`).to.be.at.most(estimateStep(program, last).gas);
    const claimed = tampered(on, last, flipBit(element, bytes, rng.int(0, 8 * bytes - 1)));
    expect(await judgeStep(referee, on, claimed, last, element), `${label}, changed ${element}`).to.equal(
      true,
    );
  }
  return elements.size;
}

/** Random instructions of the given kinds. @returns how many elements the referee judged. */
export async function fuzz(
  referee: RefereeContract,
  rng: Rng,
  kinds: readonly Kind[],
  perKind: number,
): Promise<number> {
  let judged = 0;
  for (const kind of kinds) {
    const { program, inputs } = generateCase(rng, kind);
    judged += await expectThreeAgree(referee, rng, [program, inputs], perKind, JSON.stringify(kind));
  }
  return judged;
}

/** Every fold of every dtype over all pairs of its edges. @returns how many elements the referee judged. */
export async function foldEdges(referee: RefereeContract, rng: Rng, perFold: number): Promise<number> {
  let judged = 0;
  for (const fold of Object.keys(FOLDS) as Fold[])
    for (const { name } of DTYPES) {
      if (fold === "none" || name === "acc" || !isLegal("copy", fold, name, [name])) continue;
      const edges = edgeElements(name);
      const pairs = edges.flatMap((a) => edges.flatMap((b) => [a, b]));
      const data = new Uint8Array(pairs.length * dtype(name).bytes);
      pairs.forEach((bits, i) => setElementBits(name, data, i, bits));
      const rows = pairs.length / 2;
      const load = tensor("input", 0, name, [axis(rows, 2, [[0, 1]]), axis(2, 1, [[1, 1]])]);
      const program = singleProgram(instruction(["copy", fold, name], [rows], [2], [load]), [
        { dtype: name, data },
      ]);
      judged += await expectThreeAgree(referee, rng, [program, [data]], perFold, `${fold} of ${name}`);
    }
  return judged;
}
