/** What a receipt is worth, and using it: docs/receipts.md. */
import { decodeBase64, Result, type Provider, type TransactionReceipt } from "ethers";
import { z } from "zod/v4";
import { chainTime } from "../answer.ts";
import type { Contracts } from "../contracts.ts";
import { AssayError, messageOf } from "../error.ts";
import { keccak, requestIdOf } from "../ids.ts";
import { RECEIPT_VALIDITY, signerOf, type Place } from "../receipts.ts";
import { checkSignature, readRelease, type PublishedRelease } from "../release.ts";
import { reading, send } from "../send.ts";
import { REQUEST_STATES } from "../states.ts";
import { bytes32, claimSchema, sameHex, wide, type Claim, type Hex, type Release } from "../structs.ts";
import type { Signature } from "../tensor.ts";
import { inputsRootOf } from "./inputsRoot.ts";
import { digestOfFile } from "./store.ts";
import { receiptFileSchema, type ReceiptFile } from "./wire.ts";

/** As `assay doctor` says it. */
export interface ReceiptFinding {
  readonly check: "place" | "release" | "signature" | "time" | "input" | "output" | "cover" | "trial";
  readonly status: "ok" | "warn" | "fail";
  readonly found: string;
  /** What to do; absent if all is well. */
  readonly remedy?: string;
}

/** @throws {AssayError} BAD_RECEIPT */
export function parseReceiptFile(text: string): ReceiptFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AssayError("BAD_RECEIPT", "not a receipt file: it is not JSON", { cause });
  }
  const parsed = receiptFileSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new AssayError("BAD_RECEIPT", `not a receipt file: ${z.prettifyError(parsed.error)}`);
}

export function inputOfReceipt({ input }: ReceiptFile): Uint8Array {
  return decodeBase64(input);
}

export function outputOfReceipt({ output }: ReceiptFile): Uint8Array {
  return decodeBase64(output);
}

function placeOf({ chainId, receipts }: ReceiptFile): Place {
  return { chainId, receipts, deposits: receipts };
}

type Finding = Omit<ReceiptFinding, "check">;

function ok(found: string): Finding {
  return { status: "ok", found };
}

function fail(found: string, remedy: string): Finding {
  return { status: "fail", found, remedy };
}

function checkPlace({ deployment: { chainId, addresses } }: Contracts, file: ReceiptFile): Finding {
  if (file.chainId === chainId && sameHex(file.receipts, addresses.receipts)) return ok(`chain ${chainId}`);
  return fail(
    `it is for contract ${file.receipts} on chain ${file.chainId}, not ${addresses.receipts} on chain ${chainId}`,
    "use an endpoint and a deployment file of that chain",
  );
}

async function checkKeyOf({ receipts }: Contracts, file: ReceiptFile): Promise<Finding> {
  const { receipt, signature } = file;
  const refuse = "it binds nobody: do not accept it";
  let key: Hex;
  try {
    key = signerOf(placeOf(file), "Receipt", receipt, signature);
  } catch (error) {
    return fail(messageOf(error), refuse);
  }
  const { operator, until } = await reading("keyOf", receipts.keyOf(key));
  if (!sameHex(operator, receipt.operator))
    return fail(`signed by ${key}, which is no key of ${receipt.operator}`, refuse);
  if (BigInt(receipt.issuedAt) > until)
    return fail(`its key ${key} was revoked before it was issued`, refuse);
  return ok(`by key ${key} of ${receipt.operator}`);
}

function checkTime({ receipt: { issuedAt } }: ReceiptFile, now: number): Finding {
  const endsAt = issuedAt + RECEIPT_VALIDITY;
  const text = (seconds: number): string => new Date(seconds * 1000).toISOString();
  if (now >= endsAt)
    return fail(`issued ${text(issuedAt)}: nobody can challenge it since ${text(endsAt)}`, "ask again");
  if (issuedAt > now + 600)
    return {
      status: "warn",
      found: `issued ${text(issuedAt)}, which is yet to come`,
      remedy: "ask another operator",
    };
  return ok(`issued ${text(issuedAt)}, can be challenged until ${text(endsAt)}`);
}

function checkInput(file: ReceiptFile, release: Release, signature: Signature | undefined): Finding {
  const input = inputOfReceipt(file);
  if (input.length !== release.inputBytes)
    return fail(
      `the input has ${input.length} bytes, the release's ${release.inputBytes}`,
      "find the right input",
    );
  if (signature === undefined)
    return {
      status: "warn",
      found: "not compared: that takes the release's signature",
      remedy: "`assay model inspect FILE --json` prints it",
    };
  checkSignature(release, signature);
  const root = inputsRootOf(signature, input);
  if (sameHex(root, file.receipt.inputsRoot)) return ok(`its root is ${root}`);
  return fail(
    `its root is ${root}, the receipt's ${file.receipt.inputsRoot}`,
    "find the input that was sent",
  );
}

function checkOutput(file: ReceiptFile, { outputBytes }: Release): Finding {
  const output = outputOfReceipt(file);
  if (output.length !== outputBytes)
    return fail(
      `the output has ${output.length} bytes, the release's ${outputBytes}`,
      "challenge cannot be won by it",
    );
  const hash = keccak(output);
  if (sameHex(hash, file.receipt.outputHash)) return ok(`its hash is ${hash}`);
  return fail(
    `its hash is ${hash}, the receipt's ${file.receipt.outputHash}`,
    "find the output that came with it",
  );
}

async function checkCover({ receipts }: Contracts, { receipt }: ReceiptFile): Promise<Finding> {
  const { operator, bondClass } = receipt;
  const [coverWei, bondWei] = await Promise.all([
    reading("coverOf", receipts.coverOf(operator)),
    reading("bondOf", receipts.bondOf(bondClass)),
  ]);
  const found = `${coverWei} wei of the operator's reserve are free, the bond is ${bondWei} wei`;
  if (coverWei >= bondWei) return ok(found);
  return {
    status: "warn",
    found,
    remedy: "if it is wrong, challenge it soon: a challenge waits while others are on trial",
  };
}

function plain(value: unknown): unknown {
  return value instanceof Result ? value.toObject() : value;
}

/** What the court would judge; its parameters are zero until somebody has challenged it. @throws {AssayError} RPC_FAILED, REVERTED. */
export async function claimOfReceipt(
  receipts: Contracts["receipts"],
  file: ReceiptFile,
  release: Release,
): Promise<Claim> {
  const said = await reading("claimOf", receipts.claimOf(file.receipt, release));
  const { operator, outputHash } = said;
  return claimSchema.parse({
    request: plain(said.request),
    release: plain(said.release),
    operator,
    outputHash,
  });
}

export interface ReceiptTrial {
  /** "none": nobody has challenged it. */
  readonly state: "none" | "open" | "waiting" | "overturned" | "final";
  readonly requestId: Hex;
}

/** Where the court has it. @throws {AssayError} RPC_FAILED, REVERTED. */
export async function trialOfReceipt(
  contracts: Contracts,
  file: ReceiptFile,
  release: Release,
): Promise<ReceiptTrial> {
  const { receipts, deployment } = contracts;
  const { request } = await claimOfReceipt(receipts, file, release);
  const requestId = requestIdOf(deployment.chainId, deployment.addresses.receipts, request);
  const status = await reading("statusOf", receipts.statusOf(requestId));
  const state = REQUEST_STATES[Number(status.state)] ?? "none";
  if (state === "overturned" || state === "final") return { state, requestId };
  if (state === "none") return { state, requestId };
  return { state: status.openGames > 0n ? "open" : "waiting", requestId };
}

async function checkTrial(contracts: Contracts, file: ReceiptFile, release: Release): Promise<Finding> {
  const { state, requestId } = await trialOfReceipt(contracts, file, release);
  if (state === "overturned") return fail("the referee judged it wrong", "do not use the answer");
  if (state === "none") return ok("nobody has challenged it");
  if (state === "final") return ok("it was challenged, and stands for good");
  const found = state === "open" ? `it is on trial as ${requestId}` : "it was challenged, and stands so far";
  return { status: "warn", found, remedy: "wait for the verdict" };
}

export interface CheckReceiptOptions {
  /** Of the release; without it the input is not compared with its root. */
  readonly signature?: Signature;
  /** Unix seconds. Default: the newest block's time. */
  readonly now?: number;
}

/**
 * Everything about a receipt but whether its output is right: `assay receipt verify` recomputes that.
 * @throws {AssayError} RPC_FAILED, BAD_TENSOR if the signature is not the release's.
 */
export async function checkReceipt(
  contracts: Contracts,
  provider: Provider,
  file: ReceiptFile,
  options: CheckReceiptOptions = {},
): Promise<ReceiptFinding[]> {
  const place = checkPlace(contracts, file);
  // What another chain says of it means nothing.
  if (place.status === "fail") return [{ check: "place", ...place }];
  let published: PublishedRelease | undefined;
  try {
    published = await readRelease(contracts, provider, file.receipt.releaseId);
  } catch (error) {
    if (!(error instanceof AssayError) || error.code !== "NOT_FOUND") throw error;
  }
  const now = options.now ?? (await chainTime(provider));
  const findings: ReceiptFinding[] = [
    { check: "place", ...place },
    { check: "signature", ...(await checkKeyOf(contracts, file)) },
    { check: "time", ...checkTime(file, now) },
    { check: "cover", ...(await checkCover(contracts, file)) },
  ];
  if (published === undefined)
    return [
      ...findings,
      {
        check: "release",
        ...fail(`the registry has no release ${file.receipt.releaseId}`, "it cannot be judged"),
      },
    ];
  const { release } = published;
  return [
    ...findings,
    { check: "release", ...ok(published.releaseId) },
    { check: "input", ...checkInput(file, release, options.signature) },
    { check: "output", ...checkOutput(file, release) },
    { check: "trial", ...(await checkTrial(contracts, file, release)) },
  ];
}

/** What a challenge locks of the challenger's free wei in the receipts' vault. @throws {AssayError} RPC_FAILED, REVERTED. */
export async function challengeBond(
  { receipts, receiptsGame, market }: Contracts,
  file: ReceiptFile,
  release: Release,
): Promise<bigint> {
  const { request } = await claimOfReceipt(receipts, file, release);
  const [packed, first] = await reading(
    "packedParameters",
    Promise.all([market.packedParameters(), receipts.parametersOf(digestOfFile(file))]),
  );
  // The first challenge fixes the rules.
  const parameters = first === 0n ? packed : first;
  const { bondWei } = await reading("stakesNow", receiptsGame.stakesNow({ ...request, parameters }));
  return wide.parse(bondWei);
}

export type Challenge =
  /** The game began: the challenger's moves are next. */
  | { readonly begun: true; readonly requestId: Hex }
  /** Others are on trial; this is its place in line. */
  | { readonly begun: false; readonly requestId: Hex; readonly number: number; readonly ahead: number };

/** What became of a challenge, from its transaction. @throws {AssayError} NOT_FOUND if that is another transaction. */
export async function challengeOutcome(
  { receipts, deployment }: Contracts,
  file: ReceiptFile,
  { logs, hash }: Pick<TransactionReceipt, "logs" | "hash">,
): Promise<Challenge> {
  for (const log of logs) {
    if (!sameHex(log.address, deployment.addresses.receipts)) continue;
    const event = receipts.interface.parseLog(log);
    const requestId = bytes32.safeParse(event?.args["requestId"]).data;
    if (requestId === undefined) continue;
    if (event?.name === "ReceiptOnTrial") return { begun: true, requestId };
    if (event?.name !== "ChallengeQueued") continue;
    const number = Number(event.args["number"]);
    const { head } = await reading("reserveOf", receipts.reserveOf(file.receipt.operator));
    return { begun: false, requestId, number, ahead: Math.max(0, number - Number(head)) };
  }
  throw new AssayError("NOT_FOUND", `transaction ${hash} challenged no receipt`);
}

/**
 * Challenges a receipt with the contracts' runner, who needs `challengeBond` free in the receipts' vault. The moves that follow are a
 * node's: run one with this key in time, or the bond is lost.
 * @throws {AssayError} as `send`: KeyIsNotGood, ReceiptExpired, InsufficientFree, StateIs.
 */
export async function challengeReceipt(
  contracts: Contracts,
  provider: Provider,
  file: ReceiptFile,
): Promise<Challenge> {
  const { release } = await readRelease(contracts, provider, file.receipt.releaseId);
  const sent = await send("challenge", () =>
    contracts.receipts.challenge(file.receipt, release, file.signature),
  );
  return challengeOutcome(contracts, file, sent);
}
