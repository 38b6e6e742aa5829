import type { ModelErrorCode } from "../onnx/error.ts";
import {
  expectAgreement,
  expectRefusal,
  ints,
  random,
  randomTensor,
  tensor,
  type AttributeValue,
  type Case,
  type TestTensor,
} from "./testing.ts";

const floats = (...values: readonly number[]) => ({ floats: values });

function draws(seed: number, count: number): { readonly floats: readonly number[] } {
  const next = random(seed);
  return { floats: Array.from({ length: count }, () => next() * 2 - 1) };
}

function model(
  operator: string,
  inputs: readonly TestTensor[],
  outputs: Case["outputs"],
  attributes: Record<string, AttributeValue> = {},
  mlOpset = 3,
): Case {
  return { operator: `ai.onnx.ml:${operator}`, inputs, outputs, attributes, mlOpset };
}

const agrees = (test: Case) => expectAgreement(test, 1e-6);

const x = randomTensor(random(3), "f32", [7, 4], -2, 2);
const whole = (type: "i32" | "i64") => randomTensor(random(4), type, [7, 4], -3, 3);

describe("lowering against onnxruntime: ai.onnx.ml", () => {
  const transforms = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"];

  it("LinearRegressor", async () => {
    await agrees(model("LinearRegressor", [x], ["f32"], { coefficients: draws(1, 4), targets: 1 }));
    for (const post_transform of transforms)
      for (const intercepts of [undefined, draws(2, 3)])
        await agrees(
          model("LinearRegressor", [x], ["f32"], {
            coefficients: draws(1, 12),
            targets: 3,
            post_transform,
            ...(intercepts === undefined ? {} : { intercepts }),
          }),
        );
  });

  it("LinearClassifier of several and of two classes", async () => {
    for (const post_transform of transforms)
      for (const [rows, labels] of [
        [3, [5, 6, 9]],
        [2, [4, 2]],
        [1, [7, 8]],
      ] as const)
        for (const input of [x, whole("i64"), whole("i32")])
          await agrees(
            model("LinearClassifier", [input], ["i64", "f32"], {
              coefficients: draws(1, 4 * rows),
              intercepts: draws(2, rows),
              classlabels_ints: labels,
              post_transform,
            }),
          );
  });

  it("SVMRegressor with every kernel, of one class, and linear", async () => {
    for (const kernel_type of ["LINEAR", "RBF", "POLY", "SIGMOID"])
      for (const one_class of [0, 1])
        await agrees(
          model("SVMRegressor", [x], ["f32"], {
            coefficients: draws(1, 5),
            support_vectors: draws(2, 20),
            n_supports: 5,
            kernel_type,
            kernel_params: floats(0.3, 0.5, 3),
            rho: floats(0.1),
            one_class,
          }),
        );
    await agrees(
      model("SVMRegressor", [x], ["f32"], {
        coefficients: draws(1, 4),
        n_supports: 0,
        rho: floats(-0.2),
        kernel_type: "LINEAR",
        kernel_params: floats(0, 0, 0),
      }),
    );
  });

  it("Scaler, by feature and for all", async () => {
    for (const input of [x, whole("i64"), whole("i32")]) {
      await agrees(model("Scaler", [input], ["f32"], { offset: draws(1, 4), scale: draws(2, 4) }));
      await agrees(model("Scaler", [input], ["f32"], { offset: draws(1, 1), scale: draws(2, 1) }));
    }
  });

  it("Normalizer", async () => {
    const rows = tensor("f32", [4, 3], [1, 2, -3, 0, 0, 0, -1, -2, -4, 0.5, 0, 0]);
    for (const norm of ["MAX", "L1", "L2"])
      for (const input of [rows, whole("i64")]) await agrees(model("Normalizer", [input], ["f32"], { norm }));
  });

  it("Binarizer", async () => {
    const row = tensor("f32", [1, 6], [-1, 0, 0.5, 0.75, 3, Infinity]);
    await agrees(model("Binarizer", [row], ["f32"]));
    await agrees(model("Binarizer", [row], ["f32"], { threshold: { float: 0.5 } }));
  });

  it("Imputer", async () => {
    const rows = tensor("f32", [2, 3], [NaN, 0, 1, 2, NaN, 0]);
    for (const values of [floats(5), floats(5, 6, 7)])
      for (const replaced of [NaN, 0])
        await agrees(
          model("Imputer", [rows], ["f32"], {
            imputed_value_floats: values,
            replaced_value_float: { float: replaced },
          }),
        );
    await agrees(
      model("Imputer", [tensor("i64", [2, 3], [-1, 2, 3, 4, -1, 5])], ["i64"], {
        imputed_value_int64s: [7, 8, 9],
        replaced_value_int64: -1,
      }),
    );
  });

  it("LabelEncoder between numbers", async () => {
    const labels = tensor("i64", [2, 3], [1, 5, -7, 9, 1, 100]);
    const keys_int64s = [9, 1, -7];
    await agrees(
      model("LabelEncoder", [labels], ["f32"], { keys_int64s, values_floats: floats(0.5, 1.5, 2.5) }),
    );
    await agrees(
      model("LabelEncoder", [labels], ["f32"], {
        keys_int64s,
        values_floats: floats(0.5, 1.5, 2.5),
        default_float: { float: -3 },
      }),
    );
    await agrees(
      model(
        "LabelEncoder",
        [labels],
        ["i64"],
        { keys_int64s, values_int64s: [3, 4, 5], default_int64: 77 },
        4,
      ),
    );
    const reals = tensor("f32", [4], [0.5, NaN, 3, 0]);
    await agrees(
      model(
        "LabelEncoder",
        [reals],
        ["i64"],
        { keys_floats: floats(3, NaN, 0.5), values_int64s: [3, 4, 5] },
        4,
      ),
    );
    await agrees(
      model(
        "LabelEncoder",
        [labels],
        ["i64"],
        {
          keys_tensor: tensor("i64", [2], [1, 5]),
          values_tensor: tensor("i64", [2], [10, 20]),
          default_tensor: tensor("i64", [1], [-5]),
        },
        4,
      ),
    );
  });

  it("ArrayFeatureExtractor", async () => {
    const cube = randomTensor(random(5), "f32", [2, 3, 4], -1, 1);
    for (const input of [x, cube, tensor("i64", [5], [1, 2, 3, 4, 5])])
      for (const constants of [[], [1]])
        await agrees({ ...model("ArrayFeatureExtractor", [input, ints(3, 0, 3)], [input.dtype]), constants });
  });

  it("FeatureVectorizer pads and cuts", async () => {
    const inputs = [x, tensor("f32", [7, 1], [1, 2, 3, 4, 5, 6, 7])];
    for (const inputdimensions of [
      [4, 1],
      [2, 3],
    ])
      await agrees(model("FeatureVectorizer", inputs, ["f32"], { inputdimensions }));
  });

  it("OneHotEncoder", async () => {
    const attributes = { cats_int64s: [3, -1, 0] };
    await agrees(model("OneHotEncoder", [whole("i64")], ["f32"], attributes));
    await agrees(model("OneHotEncoder", [x], ["f32"], attributes));
    await agrees(model("OneHotEncoder", [tensor("i64", [3], [0, 3, 7])], ["f32"], attributes));
  });

  it("refuses what is malformed", () => {
    const cube = randomTensor(random(5), "f32", [2, 3, 4], -1, 1);
    const cases: readonly (readonly [code: ModelErrorCode, test: Case])[] = [
      ["MALFORMED", model("LinearRegressor", [x], ["f32"], { coefficients: draws(1, 5) })],
      ["MALFORMED", model("LinearRegressor", [x], ["f32"], { coefficients: draws(1, 4), targets: 2 ** 50 })],
      ["MALFORMED", model("LinearRegressor", [cube], ["f32"], { coefficients: draws(1, 4) })],
      [
        "UNSUPPORTED_USE",
        model("LinearRegressor", [x], ["f32"], { coefficients: draws(1, 4), post_transform: "LOGISTIC" }),
      ],
      [
        "UNSUPPORTED_USE",
        model("LinearRegressor", [x], ["f32"], {
          coefficients: draws(1, 8),
          targets: 2,
          post_transform: "PROBIT",
        }),
      ],
      [
        "MALFORMED",
        model("LinearClassifier", [x], ["i64", "f32"], {
          coefficients: draws(1, 8),
          classlabels_ints: [1, 2, 3],
        }),
      ],
      ["MALFORMED", model("SVMRegressor", [x], ["f32"], { coefficients: draws(1, 4) })],
      ["MALFORMED", model("SVMRegressor", [x], ["f32"], { n_supports: 2 ** 40, rho: floats(1) })],
      ["MALFORMED", model("Scaler", [x], ["f32"], { offset: draws(1, 3), scale: draws(2, 4) })],
      ["MALFORMED", model("Normalizer", [cube], ["f32"])],
      ["MALFORMED", model("Imputer", [x], ["f32"])],
      ["MALFORMED", model("LabelEncoder", [x], ["f32"], { keys_floats: floats(1) })],
      [
        "MALFORMED",
        model("LabelEncoder", [x], ["f32"], { keys_floats: floats(1, 1), values_floats: floats(1, 2) }),
      ],
      ["MALFORMED", model("ArrayFeatureExtractor", [x, tensor("i64", [0], [])], ["f32"])],
      ["MALFORMED", { ...model("ArrayFeatureExtractor", [x, ints(4)], ["f32"]), constants: [1] }],
      ["MALFORMED", { ...model("ArrayFeatureExtractor", [x, ints(-1)], ["f32"]), constants: [1] }],
      ["MALFORMED", model("FeatureVectorizer", [x], ["f32"], { inputdimensions: [1, 2] })],
      ["TOO_LARGE", model("FeatureVectorizer", [x], ["f32"], { inputdimensions: [2 ** 40] })],
      ["UNSUPPORTED_USE", model("FeatureVectorizer", [x], ["f32"], { inputdimensions: [-1] })],
      ["UNSUPPORTED_USE", model("OneHotEncoder", [x], ["f32"], { cats_int64s: [1], zeros: 0 })],
      ["MALFORMED", model("OneHotEncoder", [x], ["f32"])],
    ];
    for (const [code, test] of cases) expectRefusal(code, test);
  });
});
