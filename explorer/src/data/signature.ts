/** A release's tensors: with names and shapes if a node that lowered the file tells them, else as the registered header has them. */
import { useQuery } from "@tanstack/react-query";
import { decodeHeader } from "../../../program/src/decode.ts";
import { fromHex, sameHex } from "../../../sdk/src/structs.ts";
import { isElementType, signatureHash, type Signature, type TensorSpec } from "../../../sdk/src/tensor.ts";
import type { ReleaseReport } from "../../../verifier/src/api/schema.ts";
import type { ReleaseRecord } from "../../../verifier/src/chain/state.ts";
import { useReading } from "./context.tsx";

export interface KnownSignature extends Signature {
  /** False: the registry has dtypes and counts only. */
  readonly named: boolean;
}

function unnamed(
  what: string,
  tensors: readonly { readonly dtype: string; readonly elements: number }[],
): TensorSpec[] {
  return tensors.flatMap(({ dtype, elements }, i) =>
    isElementType(dtype) ? [{ name: `${what}${i}`, dtype, shape: [elements] }] : [],
  );
}

/** What a node says counts only if it hashes to what the release commits to. */
export function signatureOf(record: ReleaseRecord, report: ReleaseReport | undefined): KnownSignature {
  const told = report?.model?.signature;
  if (told !== undefined && sameHex(signatureHash(told), record.release.signatureHash))
    return { ...told, named: true };
  const header = decodeHeader(fromHex(record.header));
  return {
    inputs: unnamed("input", header?.inputs ?? []),
    outputs: unnamed("output", header?.outputs ?? []),
    named: false,
  };
}

/** What the node that serves this page found out about a release; undefined without one. */
export function useReport(record: ReleaseRecord | undefined): ReleaseReport | undefined {
  const { source } = useReading();
  const { data } = useQuery({
    queryKey: [source.name, "report", record?.releaseId],
    queryFn: async () =>
      record === undefined ? null : ((await source.node?.release(record.releaseId)) ?? null),
    enabled: source.node !== undefined,
    // It may be preparing it.
    refetchInterval: ({ state }) =>
      state.data?.state === "ready" && state.data.selfCheck !== null ? false : 4000,
  });
  return data ?? undefined;
}

export function specText({ name, dtype, shape }: TensorSpec): string {
  return `${name}: ${dtype}[${shape.join(", ")}]`;
}
