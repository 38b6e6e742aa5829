import { expect } from "chai";
import {
  expectAgreement,
  expectRefusal,
  random,
  randomTensor,
  runCase,
  runExact,
  tensor,
  type AttributeValue,
  type Case,
  type TestTensor,
} from "./testing.ts";

const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const;
type Operator = keyof typeof GATES;

interface Options {
  readonly steps?: number;
  readonly batch?: number;
  readonly direction?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly bias?: boolean;
  readonly states?: boolean;
  readonly peepholes?: boolean;
  readonly lengths?: readonly number[];
  readonly constants?: readonly number[];
  readonly opset?: number;
  readonly seed?: number;
  readonly wide?: number;
}

const HIDDEN = 4;
const FEATURES = 3;

function layer(operator: Operator, options: Options = {}): Case {
  const { steps = 3, batch = 2, direction = "forward", attributes = {}, wide = 1, opset } = options;
  const next = random(options.seed ?? 1);
  const D = direction === "bidirectional" ? 2 : 1;
  const rows = GATES[operator] * HIDDEN;
  const floats = (shape: readonly number[], wanted = true) =>
    wanted ? randomTensor(next, "f32", shape, -wide, wide) : undefined;
  const state = () => floats([D, batch, HIDDEN], options.states === true);
  const { lengths } = options;
  const inputs = [
    floats([steps, batch, FEATURES]),
    floats([D, rows, FEATURES]),
    floats([D, rows, HIDDEN]),
    floats([D, 2 * rows], options.bias !== false),
    lengths === undefined ? undefined : tensor("i32", [batch], lengths),
    state(),
    ...(operator === "LSTM" ? [state(), floats([D, 3 * HIDDEN], options.peepholes === true)] : []),
  ];
  return {
    operator,
    inputs,
    outputs: operator === "LSTM" ? ["f32", "f32", "f32"] : ["f32", "f32"],
    attributes: { hidden_size: HIDDEN, direction, ...attributes },
    constants: options.constants ?? [1, 2, 3, 4],
    ...(opset === undefined ? {} : { opset }),
  };
}

const agrees = (test: Case) => expectAgreement(test, 2e-6);

const strings = (...names: readonly string[]) => ({ strings: names });
const floats = (...values: readonly number[]) => ({ floats: values });

describe("lowering against onnxruntime: recurrent layers", () => {
  for (const operator of ["RNN", "GRU", "LSTM"] as const)
    for (const direction of ["forward", "reverse", "bidirectional"]) {
      it(`${operator} ${direction}, with and without bias, states and sequence lengths`, async () => {
        await agrees(layer(operator, { direction }));
        await agrees(layer(operator, { direction, bias: false, steps: 1, batch: 1, opset: 7 }));
        await agrees(layer(operator, { direction, states: true, seed: 2, constants: [] }));
        const lengths = [3, 1, 2];
        await agrees(layer(operator, { direction, batch: 3, lengths, states: true }));
        await agrees(layer(operator, { direction, batch: 3, lengths, constants: [1, 2] }));
        await agrees(layer(operator, { direction, batch: 2, lengths: [3, 3], constants: [1, 2] }));
      });
    }

  it("a sequence of length 0 leaves states of 0", async () => {
    for (const operator of ["GRU", "LSTM"] as const)
      for (const constants of [
        [1, 2, 4],
        [1, 2],
      ])
        await agrees(layer(operator, { batch: 3, lengths: [2, 0, 3], states: true, constants }));
  });

  it("LSTM with peepholes, input_forget and clip", async () => {
    for (const direction of ["forward", "reverse", "bidirectional"]) {
      await agrees(layer("LSTM", { direction, peepholes: true, states: true }));
      await agrees(layer("LSTM", { direction, states: true, attributes: { input_forget: 1 } }));
      await agrees(layer("LSTM", { direction, peepholes: true, attributes: { input_forget: 1 } }));
      await agrees(
        layer("LSTM", { direction, wide: 3, peepholes: true, attributes: { clip: { float: 0.4 } } }),
      );
    }
  });

  it("GRU with linear_before_reset and clip", async () => {
    for (const direction of ["forward", "reverse", "bidirectional"])
      for (const bias of [true, false]) {
        await agrees(layer("GRU", { direction, bias, states: true, attributes: { linear_before_reset: 1 } }));
        const attributes = { linear_before_reset: 1, clip: { float: 0.4 } };
        await agrees(layer("GRU", { direction, bias, wide: 3, attributes }));
      }
  });

  it("all activations", async () => {
    const wide = 2;
    const cases: readonly (readonly [string, Record<string, AttributeValue>])[] = [
      ["Relu", {}],
      ["Tanh", {}],
      ["Sigmoid", {}],
      ["Softsign", {}],
      ["Softplus", {}],
      ["LeakyRelu", {}],
      ["LeakyRelu", { activation_alpha: floats(0.3) }],
      ["Elu", {}],
      ["Elu", { activation_alpha: floats(0.7) }],
      ["ThresholdedRelu", { activation_alpha: floats(0.2) }],
      ["HardSigmoid", {}],
      ["HardSigmoid", { activation_alpha: floats(0.3), activation_beta: floats(0.4) }],
      ["ScaledTanh", { activation_alpha: floats(1.5), activation_beta: floats(0.6) }],
      ["Affine", { activation_alpha: floats(0.5), activation_beta: floats(0.1) }],
    ];
    for (const [name, attributes] of cases)
      await agrees(layer("RNN", { wide, attributes: { ...attributes, activations: strings(name) } }));
    await agrees(
      layer("LSTM", {
        direction: "bidirectional",
        lengths: [3, 2],
        attributes: {
          activations: strings("HardSigmoid", "Relu", "LeakyRelu", "Sigmoid", "Elu", "Softsign"),
          activation_alpha: floats(0.3, 0.02, 0.9),
          activation_beta: floats(0.45),
        },
      }),
    );
    await agrees(
      layer("GRU", {
        direction: "bidirectional",
        attributes: {
          activations: strings("sigmoid", "tanh", "HardSigmoid", "Softsign"),
          activation_alpha: floats(0.3),
          activation_beta: floats(0.45),
        },
      }),
    );
  });

  it("layout 1 is layout 0 with the batch first", async () => {
    for (const operator of ["RNN", "GRU", "LSTM"] as const) {
      const plain = layer(operator, { direction: "bidirectional", states: true, lengths: [2, 3], opset: 14 });
      const { exact } = await runCase(plain);
      const swap = (value: TestTensor | undefined): TestTensor | undefined => {
        if (value === undefined) return undefined;
        const [p = 1, q = 1, r = 1] = value.shape;
        const data = new Uint8Array(value.data.length);
        const size = 4 * r;
        for (let i = 0; i < p; i++)
          for (let j = 0; j < q; j++)
            data.set(value.data.subarray((i * q + j) * size, (i * q + j + 1) * size), (j * p + i) * size);
        return { ...value, shape: [q, p, r], data };
      };
      const inputs = plain.inputs.map((value, k) => ([0, 5, 6].includes(k) ? swap(value) : value));
      const test: Case = { ...plain, inputs, attributes: { ...plain.attributes, layout: 1 } };
      // onnxruntime refuses layout 1: lowered and run only.
      const other = runExact(test);
      exact.slice(1).forEach((state, k) => {
        expect(Buffer.from(other[k + 1]?.data ?? [])).to.deep.equal(Buffer.from(swap(state)?.data ?? []));
      });
      const [y] = exact;
      const [T = 1, D = 1, B = 1, H = 1] = y?.shape ?? [];
      expect(other[0]?.shape).to.deep.equal([B, T, D, H]);
      const rows = swap(y && { ...y, shape: [T * D, B, H] });
      expect(Buffer.from(other[0]?.data ?? [])).to.deep.equal(Buffer.from(rows?.data ?? []));
    }
  });

  it("takes few instructions a step", async () => {
    const count = async (operator: Operator, steps: number, direction = "forward") =>
      (await agrees(layer(operator, { steps, direction }))).program.instructions.length;
    for (const [operator, most] of [
      ["RNN", 4],
      ["GRU", 13],
      ["LSTM", 12.5],
    ] as const) {
      const [few, many] = [await count(operator, 4), await count(operator, 12)];
      expect((many - few) / 8, operator).to.be.at.most(most);
      expect((await count(operator, 12, "bidirectional")) - many, operator).to.be.at.most(4);
    }
  });

  it("refuses what is malformed", () => {
    const base = layer("LSTM", { states: true, peepholes: true, lengths: [3, 3] });
    const withInput = (k: number, value: TestTensor | undefined): Case => ({
      ...base,
      inputs: base.inputs.with(k, value),
    });
    const withAttributes = (attributes: Record<string, AttributeValue>): Case => ({
      ...base,
      attributes: { ...base.attributes, ...attributes },
    });
    const zeros = (...shape: readonly number[]) =>
      tensor("f32", shape, Array<number>(shape.reduce((p, q) => p * q, 1)).fill(0));
    for (const k of [0, 1, 2, 3, 5, 6, 7]) expectRefusal("MALFORMED", withInput(k, zeros(1, 2)));
    for (const k of [0, 1, 2]) expectRefusal("MALFORMED", withInput(k, undefined));
    expectRefusal("MALFORMED", withInput(4, tensor("i32", [3], [1, 2, 3])));
    expectRefusal("MALFORMED", withInput(4, tensor("i32", [2], [-1, 3])));
    expectRefusal("MALFORMED", withInput(4, tensor("i32", [2], [4, 3])));
    expectRefusal("MALFORMED", withInput(4, zeros(2)));
    expectRefusal("MALFORMED", withAttributes({ hidden_size: 5 }));
    expectRefusal("MALFORMED", withAttributes({ hidden_size: -1 }));
    expectRefusal("MALFORMED", withAttributes({ hidden_size: 2 ** 40 }));
    expectRefusal("MALFORMED", withAttributes({ direction: "sideways" }));
    expectRefusal("MALFORMED", withAttributes({ clip: { float: -1 } }));
    expectRefusal("MALFORMED", withAttributes({ layout: 2 }));
    expectRefusal("MALFORMED", withAttributes({ activations: strings("Relu") }));
    expectRefusal("MALFORMED", withAttributes({ activations: strings("Relu", "Sine", "Tanh") }));
    expectRefusal("MALFORMED", withAttributes({ activations: strings("Affine", "Tanh", "Tanh") }));
    expectRefusal("TOO_LARGE", { ...base, inputs: base.inputs.with(0, zeros(5000, 2, 3)) });
    expectRefusal("UNSUPPORTED_USE", { ...base, attributes: { layout: 1 }, opset: 13 });
  });
});
