/**
 * Recurrent cells (ONNX Operators: RNN, GRU, LSTM). Computed in f32; r(sum) of a matrix product is exact but for one
 * rounding, then every operation written below rounds.
 */
import { map, slice } from "../compose.ts";
import { rule, type Rule, type RuleTable } from "../registry.ts";
import { transpose, type Value } from "../value.ts";
import { concat } from "./join.ts";
import { matmul } from "./matmul.ts";
import { recurrent, type Cell, type Parameters } from "./recurrence.ts";
import { activate } from "./recurrent_activation.ts";

const ATTRIBUTES = ["activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size"];

/** Helpers over the parameters of a cell. */
function toolsOf({ b, hidden, activations, recurrence, biases, clip }: Parameters) {
  const [f, g, h] = activations;
  if (f === undefined) throw new RangeError("a cell without activations");
  return {
    f: (x: Value) => activate(b, f, clip(x)),
    g: (x: Value) => activate(b, g ?? f, clip(x)),
    /** Of the cell state, which is not clipped. */
    h: (x: Value) => activate(b, h ?? f, x),
    add: (x: Value, y: Value | undefined) => (y === undefined ? x : map(b, "add", "f32", x, y)),
    sub: (x: Value, y: Value) => map(b, "sub", "f32", x, y),
    mul: (x: Value, y: Value) => map(b, "mul", "f32", x, y),
    fma: (x: Value, y: Value, z: Value) => map(b, "fma", "f32", x, y, z),
    /** `count` gates from the `first` on, of a tensor whose last axis holds all. */
    gates: (x: Value, first: number, count = 1) => slice(b, x, 2, first * hidden, count * hidden),
    /** state · R^T of these gates. */
    recur: (state: Value, first: number, count: number) => {
      const rows = slice(b, recurrence, 1, first * hidden, count * hidden);
      return matmul(b, "f32", { value: state, zero: 0 }, { value: transpose(rows, [0, 2, 1]), zero: 0 });
    },
    bias: biases && map(b, "add", "f32", biases.input, biases.recurrence),
  };
}

/** H = f(XW + HR + b). */
const RNN: Cell = {
  gates: 1,
  activations: ["Tanh"],
  states: [5],
  prepare(parameters) {
    const { f, add, recur, bias } = toolsOf(parameters);
    return {
      bias,
      step: (x, [state]) => (state === undefined ? [] : [f(add(x, recur(state, 0, 1)))]),
    };
  },
};

/**
 * Gates z, r, h: z, r = f(XW + HR + b); h = g(XW + (r·H)R + b), or with linear_before_reset g(fma(r, HR + rb, XW + wb));
 * H = fma(z, H - h, h).
 */
const GRU: Cell = {
  gates: 3,
  activations: ["Sigmoid", "Tanh"],
  states: [5],
  prepare(parameters, { attributes }) {
    const { b, biases } = parameters;
    const { f, g, add, sub, mul, fma, gates, recur, bias } = toolsOf(parameters);
    const linear = (attributes.int("linear_before_reset") ?? 0) !== 0;
    const inner = (x: Value, state: Value): { z: Value; h: Value } => {
      const all = recur(state, 0, linear ? 3 : 2);
      const zr = f(add(gates(x, 0, 2), gates(all, 0, 2)));
      const [z, r] = [gates(zr, 0), gates(zr, 1)];
      const h = linear
        ? fma(r, add(gates(all, 2), biases && gates(biases.recurrence, 2)), gates(x, 2))
        : add(gates(x, 2), recur(mul(r, state), 2, 1));
      return { z, h: g(h) };
    };
    return {
      // With linear_before_reset the recurrent bias of h goes through the reset gate.
      bias: linear && biases && bias ? concat(b, [gates(bias, 0, 2), gates(biases.input, 2)], 2) : bias,
      step(x, [state]) {
        if (state === undefined) return [];
        const { z, h } = inner(x, state);
        return [fma(z, sub(state, h), h)];
      },
    };
  },
};

/**
 * Gates i, o, f, c: i, f = f(XW + HR + b + P·C); C = fma(f, C, i·g(XW + HR + b)); o = f(XW + HR + b + P·C) of the new C;
 * H = o·h(C). With input_forget f = 1 - i.
 */
const LSTM: Cell = {
  gates: 4,
  activations: ["Sigmoid", "Tanh", "Tanh"],
  states: [5, 6],
  prepare(parameters, { attributes }) {
    const { b, peepholes } = parameters;
    const { f, g, h, add, sub, mul, fma, gates, recur, bias } = toolsOf(parameters);
    const coupled = (attributes.int("input_forget") ?? 0) !== 0;
    const peep = (x: Value, gate: number, cell: Value) =>
      peepholes === undefined ? x : fma(gates(peepholes, gate), cell, x);
    /** Activated gates i, f and, unless it looks at the new cell state, o. */
    const open = (all: Value, cell: Value): { i: Value; o?: Value; f: Value } => {
      const forget = (i: Value, own: () => Value) => (coupled ? sub(b.scalar("f32", 1), i) : own());
      if (peepholes !== undefined) {
        const i = f(peep(gates(all, 0), 0, cell));
        return { i, f: forget(i, () => f(peep(gates(all, 2), 2, cell))) };
      }
      const together = f(gates(all, 0, coupled ? 2 : 3));
      const i = gates(together, 0);
      return { i, o: gates(together, 1), f: forget(i, () => gates(together, 2)) };
    };
    return {
      bias,
      step(x, [state, cell]) {
        if (state === undefined || cell === undefined) return [];
        const all = add(x, recur(state, 0, 4));
        const { i, f: forget, o } = open(all, cell);
        const next = fma(forget, cell, mul(i, g(gates(all, 3))));
        return [mul(o ?? f(peep(gates(all, 1), 1, next)), h(next)), next];
      },
    };
  },
};

/** Opset 14 brought the layout. */
function rules(cell: Cell, attributes: readonly string[]): readonly Rule[] {
  const names = [...ATTRIBUTES, ...attributes];
  return [rule(7, names, recurrent(cell), 13), rule(14, [...names, "layout"], recurrent(cell))];
}

export const RECURRENT: RuleTable = {
  RNN: rules(RNN, []),
  GRU: rules(GRU, ["linear_before_reset"]),
  LSTM: rules(LSTM, ["input_forget"]),
};
