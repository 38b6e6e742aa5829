/** Custom errors of the contracts, decoded from whatever a client throws. */
import type { Interface } from "ethers";
import * as factories from "./typechain.ts";
import { AssayError } from "./error.ts";
import { NAMED_ARGUMENTS } from "./states.ts";

const interfaces: readonly Interface[] = [
  // With the errors of what is restricted.
  factories.Governed__factory.createInterface(),
  factories.Authority__factory.createInterface(),
  factories.IDisputeGame__factory.createInterface(),
  factories.IVault__factory.createInterface(),
  factories.IModelRegistry__factory.createInterface(),
  factories.IOperatorDirectory__factory.createInterface(),
  factories.Referee__factory.createInterface(),
  factories.IReceipts__factory.createInterface(),
  factories.IDeposits__factory.createInterface(),
];

export interface Revert {
  /** Name of the custom error, `Error` for a string reason, `Panic`, or `unknown`. */
  readonly error: string;
  readonly args: readonly string[];
  readonly data: string;
}

export function decodeRevert(data: string): Revert {
  // Less than a selector: a revert without a reason.
  if (data.length < 10) return { error: "unknown", args: [], data };
  for (const contract of interfaces) {
    const parsed = contract.parseError(data);
    if (parsed === null) continue;
    const args = parsed.fragment.inputs.map(({ name }, i) => {
      const value: unknown = parsed.args.at(i);
      return `${name}: ${NAMED_ARGUMENTS.get(`${parsed.name}.${name}`)?.[Number(value)] ?? String(value)}`;
    });
    return { error: parsed.name, args, data };
  }
  return { error: "unknown", args: [], data };
}

/** Return data of a reverted call inside a client's error, however deeply it is wrapped; undefined if it is no revert. */
export function revertData(error: unknown, depth = 0): string | undefined {
  if (depth > 6 || typeof error !== "object" || error === null) return undefined;
  if ("data" in error && typeof error.data === "string" && /^0x([0-9a-f]{2})*$/i.test(error.data))
    return error.data;
  for (const key of ["info", "error", "cause", "revert", "data"] as const) {
    const inner: unknown = key in error ? Reflect.get(error, key) : undefined;
    const data = revertData(inner, depth + 1);
    if (data !== undefined) return data;
  }
  if ("code" in error && error.code === "CALL_EXCEPTION") return "0x";
  return undefined;
}

/** @returns an AssayError REVERTED that names the custom error, or undefined if `error` is not a revert. */
export function asRevert(action: string, error: unknown): AssayError | undefined {
  const data = revertData(error);
  if (data === undefined) return undefined;
  const revert = decodeRevert(data);
  return new AssayError("REVERTED", `${action}: ${revert.error}(${revert.args.join(", ")})`, {
    details: { error: revert.error, args: revert.args, data },
    cause: error,
  });
}

/** Name of the contracts' custom error that `error` reports, if it is one. */
export function revertName(error: unknown): string | undefined {
  if (!(error instanceof AssayError) || error.code !== "REVERTED") return undefined;
  return typeof error.details["error"] === "string" ? error.details["error"] : undefined;
}
