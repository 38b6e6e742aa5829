/** The models that are asked: two of the examples, and one whose integer division kills onnxruntime on hostile inputs. */
import { readFileSync } from "node:fs";
import { describeModel, type ModelDescription } from "../../verifier/src/releases/describe.ts";
import { tinyModel } from "../../verifier/test/models.ts";
import type { ModelName } from "./rules.ts";

function quotient(): Uint8Array {
  const four = (name: string) => ({ name, dtype: "i32", shape: [4] }) as const;
  return tinyModel([{ op: "Div", inputs: ["a", "b"], output: "q" }], [four("a"), four("b")], [four("q")]);
}

export function modelFile(name: ModelName): Uint8Array {
  if (name === "quotient") return quotient();
  return new Uint8Array(readFileSync(new URL(`../../examples/models/${name}/${name}.onnx`, import.meta.url)));
}

/** Flags of `assay model publish`. */
export const TOLERANCE: Readonly<Record<ModelName, readonly string[]>> = {
  digits: [],
  "breast-cancer": ["--atol", "0.000001", "--rtol", "0.000001"],
  quotient: [],
};

export function modelOf(name: ModelName): ModelDescription {
  return describeModel(modelFile(name), {});
}

export type Models = Readonly<Record<ModelName, ModelDescription>>;

export function describeModels(): Models {
  return {
    digits: modelOf("digits"),
    "breast-cancer": modelOf("breast-cancer"),
    quotient: modelOf("quotient"),
  };
}
