/** Which chain the page reads, and how it looks; kept in this browser only. An endpoint's URL may hold a key, so it never goes into an address. */
import { z } from "zod/v4";
import { deploymentSchema, type Deployment } from "../../../sdk/src/deployment.ts";

const chosenSchema = z.object({ rpc: z.url({ protocol: /^https?$/ }), deployment: deploymentSchema });
export type Chosen = z.output<typeof chosenSchema>;

const SOURCE = "assay.source";

export function readChosen(): Chosen | undefined {
  try {
    const parsed = chosenSchema.safeParse(JSON.parse(localStorage.getItem(SOURCE) ?? "null"));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** @param chosen undefined: what comes with the page. */
export function writeChosen(
  chosen: { readonly rpc: string; readonly deployment: Deployment } | undefined,
): void {
  if (chosen === undefined) localStorage.removeItem(SOURCE);
  else localStorage.setItem(SOURCE, JSON.stringify(chosen));
}

/** `?rpc=...`: proposed by a link, and used only if a person agrees. */
export function proposedRpc(): string | undefined {
  const parsed = z.url({ protocol: /^https?$/ }).safeParse(new URLSearchParams(location.search).get("rpc"));
  return parsed.success ? parsed.data : undefined;
}
