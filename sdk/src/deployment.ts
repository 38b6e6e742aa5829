/** Where the contracts of one network are: `deployments/<network>.json`. */
import { readFileSync } from "node:fs";
import { z } from "zod/v4";
import { AssayError, messageOf } from "./error.ts";
import { address } from "./structs.ts";

const deploymentSchema = z.object({
  chainId: z.number().int().positive(),
  /** Block in which the first contract was deployed: no event is older. */
  block: z.number().int().nonnegative(),
  addresses: z.object({
    registry: address,
    vault: address,
    market: address,
    game: address,
    referee: address,
    directory: address,
  }),
});

export type Deployment = Readonly<z.infer<typeof deploymentSchema>>;

/** @throws {AssayError} BAD_DEPLOYMENT */
export function parseDeployment(json: unknown): Deployment {
  const parsed = deploymentSchema.safeParse(json);
  if (!parsed.success)
    throw new AssayError("BAD_DEPLOYMENT", `not a deployment file: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** @throws {AssayError} BAD_DEPLOYMENT */
export function readDeployment(path: string): Deployment {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AssayError(
      "BAD_DEPLOYMENT",
      `cannot read ${path}: ${messageOf(cause)}. Deploy first, or name another file`,
      {
        cause,
      },
    );
  }
  return parseDeployment(json);
}
