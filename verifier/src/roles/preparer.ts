/** Makes ready what answers and judgements will need, before they need it: a release's file, its program, and what onnxruntime is worth on it. */
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ChainState } from "../chain/state.ts";
import type { Role, RoleContext } from "./role.ts";

/** Releases that a role works for: those named, or whichever are asked for. */
export type Wanted = "all" | readonly Hex[];

/** @param wanted Of each role of this node. */
export function createPreparer(
  { releases, fastPaths }: Pick<RoleContext, "releases" | "fastPaths">,
  wanted: readonly Wanted[],
): Role {
  const named = wanted.flatMap((releaseIds) => (releaseIds === "all" ? [] : releaseIds));
  const prepared = new Set<Hex>();

  /** Of "all" only those that somebody has paid for: anybody can publish. */
  function neededNow(state: ChainState): Set<Hex> {
    const needed = new Set<Hex>();
    if (wanted.includes("all"))
      for (const { status, request } of state.requests.values())
        if (status === "requested" || status === "answered") needed.add(request.releaseId);
    for (const releaseId of state.releases.keys())
      if (named.some((id) => sameHex(id, releaseId))) needed.add(releaseId);
    return needed;
  }

  return {
    duties(state) {
      return [...neededNow(state)].flatMap((releaseId) => {
        const record = state.releases.get(releaseId);
        if (record === undefined || prepared.has(releaseId)) return [];
        const run = async (): Promise<void> => {
          const path = await fastPaths.check(await releases.prepare(record));
          if (path !== undefined) prepared.add(releaseId);
        };
        // Each process of a fleet needs it.
        return [{ key: `prepare:${releaseId}`, subject: undefined, run }];
      });
    },
  };
}
