/** Why a file cannot become a program. Codes are stable; messages are not. */
export type ModelErrorCode =
  /** Not a protobuf, or a model that contradicts itself or the ONNX specification. */
  | "MALFORMED"
  /** A name is used but nothing defines it. */
  | "MISSING_VALUE"
  | "CYCLE"
  | "EXTERNAL_DATA"
  | "UNSUPPORTED_OPERATOR"
  | "UNSUPPORTED_OPSET"
  | "UNSUPPORTED_DTYPE"
  /** The operator is known, this use of it is not: an attribute value, an optional input or output. */
  | "UNSUPPORTED_USE"
  /** A shape, or a value that determines shapes, is not known before the model runs. */
  | "DYNAMIC_SHAPE"
  /** Beyond a limit of this reader or of exact programs. */
  | "TOO_LARGE"
  /** A defect of the lowering, not of the file; never expected. */
  | "INTERNAL";

export interface ErrorPlace {
  /** Name of the ONNX node. */
  readonly node?: string;
  /** Its operator, with the domain unless that is ai.onnx. */
  readonly operator?: string;
  /** Of DYNAMIC_SHAPE: the model's inputs whose values determine the shape. */
  readonly inputs?: readonly string[];
}

/** The only error that reading and lowering a model throws, whatever the file holds. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly code: ModelErrorCode;
  readonly reason: string;
  readonly node: string | undefined;
  readonly operator: string | undefined;
  readonly inputs: readonly string[];

  constructor(code: ModelErrorCode, reason: string, place: ErrorPlace = {}, options?: ErrorOptions) {
    const where = place.operator === undefined ? "" : ` [${place.operator} ${place.node ?? ""}]`;
    super(`${code}: ${reason}${where}`, options);
    this.code = code;
    this.reason = reason;
    this.node = place.node;
    this.operator = place.operator;
    this.inputs = place.inputs ?? [];
  }

  /** The same error, with the node where it happened unless it names one already. */
  at(place: ErrorPlace): ModelError {
    return this.operator === undefined
      ? new ModelError(this.code, this.reason, { ...place, inputs: this.inputs }, { cause: this })
      : this;
  }
}
