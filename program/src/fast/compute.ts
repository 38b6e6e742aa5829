/**
 * One instruction, computed by the best of several ways.
 */
import { outElements, product, type Instruction } from "../instruction.ts";
import { planAcc, runAcc, type AccPlan } from "./acc.ts";
import { planChannel, runChannel, type ChannelPlan } from "./channel.ts";
import { planFlat, runFlat, type FlatPlan } from "./flat.ts";
import { planMatrix, runMatrix, type MatrixPlan } from "./matrix.ts";
import { planMove, runMove, type MovePlan } from "./move.ts";
import { planPointwise, runPointwise, type PointwisePlan } from "./pointwise.ts";
import type { Lookup } from "./read.ts";
import { planRows, runRows, type RowsPlan } from "./rows.ts";
import { runSlowly } from "./slow.ts";
import type { Tensor } from "./tensor.ts";

/** The ways to compute an instruction, best first; each may decline for the data of a run. */
export interface Plan {
  readonly elements: number;
  readonly acc: AccPlan | undefined;
  readonly channel: ChannelPlan | undefined;
  readonly matrix: MatrixPlan | undefined;
  readonly rows: RowsPlan | undefined;
  readonly pointwise: PointwisePlan | undefined;
  readonly move: MovePlan | undefined;
  /** null: not planned yet, since few instructions come to it. */
  flat: FlatPlan | undefined | null;
}

/** How an instruction may be computed. */
export const WAYS = ["pointwise", "move", "acc", "channel", "matrix", "rows", "flat", "naive"] as const;
export type Way = (typeof WAYS)[number];

export function planInstruction(instruction: Instruction): Plan {
  const acc = planAcc(instruction);
  const channel = acc === undefined ? planChannel(instruction) : undefined;
  const matrix = acc === undefined && channel === undefined ? planMatrix(instruction) : undefined;
  const rows = planRows(instruction);
  const pointwise = planPointwise(instruction);
  const move = pointwise === undefined ? planMove(instruction) : undefined;
  return { elements: outElements(instruction), acc, channel, matrix, rows, pointwise, move, flat: null };
}

/** Writes the instruction's output. */
export function compute(instruction: Instruction, plan: Plan, lookup: Lookup, out: Tensor): Way {
  const { acc, channel, matrix, rows, pointwise, move } = plan;
  if (pointwise !== undefined && runPointwise(pointwise, lookup, out)) return "pointwise";
  if (move !== undefined && runMove(instruction, move, lookup, out)) return "move";
  if (acc !== undefined && runAcc(instruction, acc, lookup, out)) return "acc";
  if (channel !== undefined && runChannel(instruction, channel, lookup, out)) return "channel";
  if (matrix !== undefined && runMatrix(instruction, matrix, lookup, out)) return "matrix";
  if (rows !== undefined && runRows(instruction, rows, lookup, out)) return "rows";
  if (plan.flat === null)
    plan.flat =
      acc === undefined ? planFlat(instruction, plan.elements, product(instruction.redDims)) : undefined;
  if (plan.flat !== undefined && runFlat(instruction, plan.flat, lookup, out)) return "flat";
  runSlowly(instruction, lookup, out);
  return "naive";
}
