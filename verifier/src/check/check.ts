/** `assay model check`: everything about a model file that bears on its tolerance. */
import { parseModel } from "../../../program/src/onnx/model.ts";
import type { Bindings, TensorSpec } from "../../../sdk/src/tensor.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { SessionSettings } from "../compute/protocol.ts";
import { describeModel, type ModelDescription } from "../releases/describe.ts";
import type { Deviation } from "./deviation.ts";
import { makeFeeds, type Feed, type Group } from "./feeds.ts";
import { findingsOf, type Finding } from "./findings.ts";
import { measure, type Failure, type OnRun, type Worst } from "./measure.ts";
import { propose, type Proposal } from "./proposal.ts";
import { findSaturation, type Saturation } from "./saturation.ts";
import { stabilityOf, type Cause, type Kind } from "./stability.ts";

export interface CheckOptions {
  readonly bindings: Bindings;
  /** Random inputs, and what they are drawn from. */
  readonly samples: number;
  readonly seed: number;
  /** Factor above the worst deviation that was measured. */
  readonly margin: number;
  /** Real inputs by name, which count as ordinary ones. */
  readonly given: (model: ModelDescription) => readonly Omit<Feed, "group">[];
  readonly onRun?: OnRun;
}

export interface CheckReport {
  readonly fileSha256: Hex;
  readonly programRoot: Hex;
  readonly seed: number;
  readonly feeds: readonly { readonly name: string; readonly group: Group }[];
  /** Magnitude of outputs below which errors count as absolute: `scaled` is |error| / (scale + |exact|). */
  readonly scale: number;
  readonly outputs: readonly (TensorSpec & {
    readonly kind: Kind;
    readonly causes: readonly Cause[];
    readonly groups: Readonly<Record<Group, Deviation>>;
    readonly worst: Worst | undefined;
  })[];
  readonly configurations: readonly { readonly settings: SessionSettings; readonly deviation: Deviation }[];
  readonly failures: readonly Failure[];
  readonly saturation: readonly Saturation[];
  readonly findings: readonly Finding[];
  readonly proposal: Proposal;
}

/**
 * @param path Of the ONNX file whose bytes are `file`.
 * @throws {AssayError} MODEL_REFUSED, and as `measure`.
 */
export async function checkModel(
  path: string,
  file: Uint8Array,
  options: CheckOptions,
): Promise<CheckReport> {
  const { bindings, samples, seed, margin, given, onRun } = options;
  const model = describeModel(file, bindings);
  const saturation = findSaturation(parseModel(file, bindings));
  const stabilities = stabilityOf(model.program, model.nodes);
  const own = given(model).map((feed): Feed => ({ ...feed, group: "ordinary" }));
  const feeds = [...own, ...makeFeeds(model.signature.inputs, samples, seed)];
  const { scale, outputs: measured, configurations, failures } = await measure(path, model, feeds, onRun);
  const outputs = model.signature.outputs.flatMap((spec, k) => {
    const [stability, measurement] = [stabilities[k], measured[k]];
    return stability && measurement ? [{ spec, stability, ...measurement }] : [];
  });
  const proposal = propose(
    outputs.map(({ spec, stability: { kind }, groups: { ordinary } }) => ({ spec, kind, ordinary })),
    scale,
    margin,
  );
  return {
    fileSha256: model.fileSha256,
    programRoot: model.programRoot,
    seed,
    feeds: feeds.map(({ name, group }) => ({ name, group })),
    scale,
    outputs: outputs.map(({ spec, stability, groups, worst }) => ({ ...spec, ...stability, groups, worst })),
    configurations,
    failures,
    saturation,
    findings: findingsOf({ outputs, saturation, failures, proposal }),
    proposal,
  };
}
