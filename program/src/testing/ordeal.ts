/** What becomes of models that may be anything. */
import { toBinary } from "@bufbuild/protobuf";
import type { DTypeName } from "../dtype.ts";
import { assertJudgeable } from "../limits.ts";
import { lowerModel, type LoweredModel } from "../lower/lower.ts";
import { ModelError, type ModelErrorCode } from "../onnx/error.ts";
import { ModelProtoSchema, TensorProto_DataType as T, type ModelProto } from "../onnx/gen/onnx-ml_pb.js";
import { validateProgram } from "../validate.ts";
import { elemTypeOf } from "./onnx.ts";

export type Fate = ModelErrorCode | "lowered";

const NARROW: Readonly<Record<string, T>> = { i84: T.INT4, u84: T.UINT4, i82: T.INT2, u82: T.UINT2 };

/** Declares an output as what the refusal says that it is. @returns whether the refusal was about that. */
function redeclare({ graph }: ModelProto, { reason }: ModelError): boolean {
  const wrong = /^output "(.*)" is declared as .* but is (\w+)(?: of (\d) bits)?$/.exec(reason);
  const [, name, type = "", bits] = wrong ?? [];
  const output = graph?.output.find((info) => info.name === name)?.type?.value;
  if (output?.case !== "tensorType") return false;
  const found: number | undefined = bits === undefined ? elemTypeOf(type as DTypeName) : NARROW[type + bits];
  if (found === undefined || output.value.elemType === found) return false;
  output.value.elemType = found;
  return true;
}

/** Lowers a model whose outputs may be declared as of other types than they are; these are put right in it. */
export function lowerDeclared(model: ModelProto): LoweredModel {
  for (;;)
    try {
      return lowerModel(toBinary(ModelProtoSchema, model));
    } catch (error) {
      if (!(error instanceof ModelError) || !redeclare(model, error)) throw error;
    }
}

function fateOf(lower: () => LoweredModel): Fate {
  try {
    const { program } = lower();
    validateProgram(program);
    assertJudgeable(program);
    return "lowered";
  } catch (error) {
    if (error instanceof ModelError && error.code !== "INTERNAL") return error.code;
    throw error;
  }
}

/**
 * Lowers a file and checks the program if there is one.
 * @throws whatever is no refusal: a defect of the lowering.
 */
export function endure(file: Uint8Array): Fate {
  return fateOf(() => lowerModel(file));
}

/** Like endure. Outputs of other types than declared get as far as the others. */
export function endureModel(model: ModelProto): Fate {
  return fateOf(() => lowerDeclared(model));
}
