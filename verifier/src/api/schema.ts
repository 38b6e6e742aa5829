/** What a node tells the explorer, as JSON: amounts are decimal strings of wei, times unix seconds. Pure; shared with browsers. */
import { z } from "zod/v4";
import { deploymentSchema } from "../../../sdk/src/deployment.ts";
import { address, bytes32, hex } from "../../../sdk/src/structs.ts";
import { isElementType, type ElementType } from "../../../sdk/src/tensor.ts";

export const count = z.number().int().nonnegative();
const wei = z
  .string()
  .regex(/^[0-9]{1,78}$/)
  .transform(BigInt);

/** waiting: not looked at, as when nobody has asked for it; failed: it is not what its file lowers to, or too large; passing: tried again. */
export const RELEASE_STATES = ["ready", "waiting", "passing", "failed"] as const;

export const headSchema = z.object({ number: count, timestamp: count, baseFee: wei.nullable() });

/** GET /api/status */
export const statusSchema = z.object({
  deployment: deploymentSchema,
  /** Of the node. */
  account: address,
  roles: z.array(z.enum(["operator", "verifier"])),
  /** Null while older blocks are read. */
  head: headSchema.nullable(),
  /** Begins the paths of pages of logs: another chain under the same id has another. */
  origin: z.string().max(64),
  /** Changes when the chain was reorganised: what was read since must be read again. */
  epoch: count,
  releases: z.array(z.object({ releaseId: bytes32, state: z.enum(RELEASE_STATES) })),
});
export type Status = z.output<typeof statusSchema>;

export const logSchema = z.object({
  blockNumber: count,
  blockHash: bytes32,
  logIndex: count,
  timestamp: count,
  transaction: bytes32,
  address,
  topics: z.array(bytes32).max(4),
  data: hex,
});

/** GET /api/logs/{origin}/{epoch}/{block}/{index}: logs after a place. */
export const logPageSchema = z.object({
  logs: z.array(logSchema),
  /** There are more. */
  more: z.boolean(),
});

/** An input or output of a model. */
export const spec = z.object({
  name: z.string(),
  dtype: z.custom<ElementType>((name) => typeof name === "string" && isElementType(name)),
  shape: z.array(count),
});

/** GET /api/releases/{id}: what the node found when it lowered the file itself. */
export const releaseSchema = z.object({
  state: z.enum(RELEASE_STATES),
  model: z
    .object({
      signature: z.object({ inputs: z.array(spec), outputs: z.array(spec) }),
      fileBytes: count,
      instructions: count,
      constants: count,
      constantBytes: count,
      multiplyAdds: z.number(),
      traceBytes: count,
      disputeRounds: count,
      /** The element that takes most gas to judge. */
      worst: z.object({ gas: count, calldataBytes: count, instruction: count, operator: z.string() }),
    })
    .nullable(),
  /** What this node's onnxruntime is worth for it; null: not known yet. */
  selfCheck: z.enum(["exact", "approximate", "unusable"]).nullable(),
});
export type ReleaseReport = z.output<typeof releaseSchema>;

/** GET /api/releases/{id}/outline */
export const outlineSchema = z.object({
  programRoot: bytes32,
  instructions: z.array(
    z.object({
      operator: z.string(),
      operation: z.string(),
      dtype: z.string(),
      shape: z.array(count),
      elements: count,
      operands: z.array(z.object({ source: z.enum(["input", "constant", "instruction"]), id: count })),
    }),
  ),
});

/** GET /api/call?to=&data=: a call to one of the deployment's contracts, in the newest block. */
export const callSchema = z.union([z.object({ result: hex }), z.object({ revert: hex })]);

/** GET /api/transactions/{hash} */
export const transactionSchema = z.object({
  from: address,
  data: hex,
  gas: count,
  feeWei: wei,
});
export type TransactionReport = z.output<typeof transactionSchema>;

/** GET /api/authority: the access manager that the market obeys, and all of its logs. */
export const authoritySchema = z.object({ address, logs: z.array(logSchema) });
