/** What judging each instruction of a network takes, measured. */
import { expect } from "chai";
import { inputsTree, type ClaimedTrace } from "../../program/src/claim.ts";
import { outElements, product, type Instruction, type Load } from "../../program/src/instruction.ts";
import { estimateStep, JUDGE_LIMITS } from "../../program/src/limits.ts";
import { treeRoot } from "../../program/src/merkle.ts";
import { proveStep } from "../../program/src/prove.ts";
import { seededRng } from "../../program/src/testing/rng.ts";
import { access, claimOfTrace, type HonestRun } from "../../verifier/src/play/evidence.ts";
import type { Court, StepCase } from "./court.ts";
import { lieAt } from "./lie.ts";
import type { Figures } from "./snapshot.ts";

const MEDIAN_CEILING = 400_000;

interface Measured {
  readonly kind: string;
  readonly gas: number;
  readonly calldataBytes: number;
  /** Bounds that the lowering checks. */
  readonly boundGas: number;
  readonly boundBytes: number;
}

function dtypeOf(load: Load): string {
  if (load.kind === "index") return "index";
  const gathered = load.kind === "tensor" && load.axes.some(({ at }) => "gather" in at);
  return load.dtype + (gathered ? "[gathered]" : "");
}

/** Instructions of one kind cost about the same to judge. */
function kindOf({ body, fold, dtype, loads, redDims }: Instruction): string {
  const form = fold === "none" ? body : `${fold} of ${body}`;
  const terms = fold === "none" ? "" : `, to ${2 ** Math.ceil(Math.log2(product(redDims)))} terms`;
  return `${form}: ${loads.map(dtypeOf).join(" ")} to ${dtype}${terms}`;
}

function worst(figures: readonly number[]): number {
  return figures.reduce((a, b) => Math.max(a, b), 0);
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0;
}

function summary(steps: readonly Measured[]): Figures {
  const gas = steps.map((step) => step.gas);
  return {
    instructions: steps.length,
    medianGas: median(gas),
    worstGas: worst(gas),
    boundGas: worst(steps.map((step) => step.boundGas)),
    worstBytes: worst(steps.map((step) => step.calldataBytes)),
    boundBytes: worst(steps.map((step) => step.boundBytes)),
  };
}

/**
 * Judges a random element of each instruction, as it is and with one bit flipped.
 * @returns figures over all instructions and over each kind of them.
 */
export async function measureSteps(run: HonestRun, court: Court): Promise<Figures> {
  const { program, commitment, inputs, trace } = run;
  const rng = seededRng(program.instructions.length);
  const inputsRoot = treeRoot(inputsTree(inputs));
  const { depth } = trace.traceTree();
  const steps: Measured[] = [];
  for (const [k, made] of program.instructions.entries()) {
    const element = rng.int(0, outElements(made) - 1);
    const caseOf = (claimed: ClaimedTrace): StepCase => ({
      ...{ programRoot: commitment.root, traceRoot: claimed.node(depth, 0), inputsRoot },
      ...{ instruction: k, element },
      proof: proveStep({ commitment, program, trace: access(run, claimed), instruction: k, element }),
    });
    const [honest, forged] = [caseOf(claimOfTrace(trace)), caseOf(lieAt(run, k, element, rng))];
    const kind = kindOf(made);
    const where = `instruction ${k} (${kind}), element ${element}`;
    expect(await court.judge(honest), where).to.equal(false);
    const { wrong, gas, calldataBytes } = await court.measure(forged);
    expect(wrong, where).to.equal(true);
    const bound = estimateStep(program, k);
    expect(gas, where).to.be.at.most(bound.gas);
    expect(calldataBytes, where).to.be.at.most(bound.calldataBytes);
    expect(bound.gas, where).to.be.at.most(JUDGE_LIMITS.gas);
    expect(bound.calldataBytes, where).to.be.at.most(JUDGE_LIMITS.calldataBytes);
    steps.push({ kind, gas, calldataBytes, boundGas: bound.gas, boundBytes: bound.calldataBytes });
  }
  expect(median(steps.map(({ boundGas }) => boundGas)), "median bound").to.be.at.most(MEDIAN_CEILING);
  const kinds = [...new Set(steps.map(({ kind }) => kind))].toSorted();
  const of = (kind: string): Figures => summary(steps.filter((step) => step.kind === kind));
  return { all: summary(steps), kinds: Object.fromEntries(kinds.map((kind) => [kind, of(kind)])) };
}
