/** Elements of test runs before the referee, on a chain process of their own. */
import { dtype } from "../../program/src/dtype.ts";
import { outElements } from "../../program/src/instruction.ts";
import { runProgram } from "../../program/src/fast/run.ts";
import type { Rng } from "../../program/src/testing/rng.ts";
import { flipBit, stepCall, tampered, trial } from "../../program/src/testing/trial.ts";
import { openRefereeChain } from "../refereeChain.ts";
import type { Run } from "./run.ts";

export interface Court {
  /**
   * Random elements of a run, each as computed and with one bit flipped.
   * @returns the elements that the referee did not judge right and wrong, in that order, as text.
   */
  judge(run: Run, count: number, rng: Rng): Promise<string[]>;
  close(): Promise<void>;
}

export async function openCourt(): Promise<Court> {
  const { referee, close } = await openRefereeChain();

  return {
    async judge({ program, inputs }, count, rng) {
      const { tensors } = runProgram(program, inputs, { keep: "all" });
      const right = program.instructions.map((_, k) => tensors.get(k) ?? new Uint8Array(0));
      const on = trial(program, inputs, right);
      const disagreed: string[] = [];
      for (let i = 0; i < count; i++) {
        const k = rng.int(0, program.instructions.length - 1);
        const instruction = program.instructions[k];
        if (instruction === undefined) continue;
        const element = rng.int(0, outElements(instruction) - 1);
        const { bytes } = dtype(instruction.dtype);
        const forged = tampered(on, k, flipBit(element, bytes, rng.int(0, 8 * bytes - 1)));
        const judgedWrong = await Promise.all(
          [right, forged].map((claimed) => referee.judgeStep(...stepCall(on, claimed, k, element))),
        );
        if (judgedWrong.join() !== "false,true")
          disagreed.push(`instruction ${k} (${instruction.body}), element ${element}: ${judgedWrong.join()}`);
      }
      return disagreed;
    },
    close,
  };
}
