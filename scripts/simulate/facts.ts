/** The plain facts that the invariants speak of: the chain's record set against the plan and the exact interpreter. */
import { z } from "zod/v4";
import type { Contracts } from "../../sdk/src/contracts.ts";
import { REQUEST_STATES, type RequestStateName, type Verdict } from "../../sdk/src/states.ts";
import { bytes32, fromHex, sameHex, type Claim, type Hex, type Request } from "../../sdk/src/structs.ts";
import { exactOutput } from "../../verifier/src/compute/exact.ts";
import { firstWrongOutput } from "../../verifier/src/judge/judge.ts";
import type { ModelDescription } from "../../verifier/src/releases/describe.ts";
import type { DoorFacts } from "./door/facts.ts";
import { modelOf } from "./models.ts";
import { madeTwice, readMoves, type MinedMove } from "./moves.ts";
import {
  eventsNamed,
  readRecord,
  vaultOfCourt,
  type ChainRecord,
  type CourtName,
  type Flows,
} from "./record.ts";
import { isRefused, isUnanswerable, type PlannedRequest } from "./requests.ts";
import { CRANKS, HONEST, LIARS, MODELS, OPERATORS, type StakedName } from "./rules.ts";
import type { Stage } from "./stage.ts";

export interface AnswerFact {
  readonly by: StakedName | undefined;
  readonly right: boolean;
  readonly verdict: Verdict;
  readonly bondSettled: boolean;
}

export interface RequestFact {
  readonly index: number;
  readonly requestId: Hex;
  readonly state: RequestStateName;
  /** Whether the market should have refused it, or operators left it alone; else it must be answered. */
  readonly expected: "refused" | "unanswerable" | "answered";
  /** Named: only this one may answer. */
  readonly operator: StakedName | undefined;
  readonly answer: AnswerFact | undefined;
  /** An honest operator said in its log that it leaves the request alone, and why. */
  readonly declined: boolean;
  readonly request: Request;
}

export interface GameFact {
  readonly challenger: StakedName | undefined;
  readonly lost: boolean;
  readonly settled: boolean;
  /** What it is about, in words. */
  readonly about: string;
}

export interface LedgerFact extends Flows {
  readonly name: StakedName;
  readonly address: Hex;
  readonly honest: boolean;
  readonly free: bigint;
  readonly locked: bigint;
  /** Of that what nothing unlocks: a reserve behind receipts. */
  readonly reserve: bigint;
}

export interface Facts {
  readonly requests: readonly RequestFact[];
  /** Index of each planned request that is not on the chain. */
  readonly missing: readonly { readonly index: number; readonly expected: RequestFact["expected"] }[];
  readonly games: readonly GameFact[];
  readonly ledger: readonly LedgerFact[];
  /** Wei. */
  readonly vault: { readonly balance: bigint; readonly accounted: bigint };
  readonly market: { readonly balance: bigint; readonly owed: bigint };
  readonly door: DoorFacts;
  /** Moves of honest accounts. */
  readonly moves: readonly MinedMove[];
  readonly twice: readonly MinedMove[];
}

function expectedOf(planned: PlannedRequest | undefined): RequestFact["expected"] {
  if (planned === undefined || isRefused(planned)) return "refused";
  return isUnanswerable(planned) ? "unanswerable" : "answered";
}

export function nameAt({ accounts }: Pick<Stage, "accounts">, account: string): StakedName | undefined {
  return [...HONEST, ...LIARS, ...CRANKS].find((name) => sameHex(accounts[name].address, account));
}

/** The exact interpreter's word on published outputs. */
function createJudge({
  releases,
}: Stage): (request: Request, input: Hex, output: Hex, record: ChainRecord) => boolean {
  const models = new Map<string, ModelDescription>(
    MODELS.map((name) => [releases[name].toLowerCase(), modelOf(name)]),
  );
  return ({ releaseId }, input, output, record) => {
    const model = models.get(releaseId.toLowerCase());
    const released = eventsNamed(record, "Released").find((event) => sameHex(event.releaseId, releaseId));
    if (model === undefined || released === undefined) throw new Error(`unknown release ${releaseId}`);
    const exact = exactOutput(model, fromHex(input));
    return firstWrongOutput(model.program, exact, fromHex(output), released.release) === undefined;
  };
}

async function requestsOf(
  stage: Stage,
  plan: readonly PlannedRequest[],
  record: ChainRecord,
): Promise<RequestFact[]> {
  const judge = createJudge(stage);
  const answers = eventsNamed(record, "Fulfilled");
  const verdicts = new Map(
    eventsNamed(record, "OperatorLost").map(({ resultId, verdict }) => [resultId, verdict]),
  );
  const settled = new Set(eventsNamed(record, "BondSettled").map(({ resultId }) => resultId));
  const declined = declinedIn(stage);
  const facts: RequestFact[] = [];
  for (const { requestId, request, input } of eventsNamed(record, "Requested")) {
    const { state } = await stage.contracts.market.statusOf(requestId);
    const answer = answers.find((event) => event.requestId === requestId);
    const index = Number(request.nonce);
    facts.push({
      index,
      requestId,
      request,
      state: REQUEST_STATES[Number(state)] ?? "none",
      expected: expectedOf(plan[index]),
      operator: nameAt(stage, request.operator),
      declined: declined.has(requestId),
      answer: answer && {
        by: nameAt(stage, answer.operator),
        right: judge(request, input, answer.output, record),
        verdict: verdicts.get(answer.resultId) ?? "none",
        bondSettled: settled.has(answer.resultId),
      },
    });
  }
  return facts;
}

const declineSchema = z.object({ request: bytes32, msg: z.string().startsWith("left to others") });

/** Requests that an operator chose not to answer: a risk that it will not take is no deadline missed. */
function declinedIn({ nodes }: Stage): ReadonlySet<string> {
  const lines = OPERATORS.flatMap((name) => nodes.get(name)?.log().split("\n") ?? []);
  return new Set(
    lines.flatMap((line) => {
      const found = line.includes("left to others") ? declineSchema.safeParse(JSON.parse(line)) : undefined;
      return found?.success ? [found.data.request] : [];
    }),
  );
}

/** @param aboutOf What a claim is about, in words. */
export function gamesOf(
  stage: Pick<Stage, "accounts">,
  record: ChainRecord,
  aboutOf: (claim: Claim) => string,
): GameFact[] {
  const lost = new Set(eventsNamed(record, "ChallengerLost").map(({ disputeId }) => disputeId));
  const settled = new Set(eventsNamed(record, "GameSettled").map(({ disputeId }) => disputeId));
  return eventsNamed(record, "Challenged").map(({ disputeId, challenger, claim }) => ({
    challenger: nameAt(stage, challenger),
    lost: lost.has(disputeId),
    settled: settled.has(disputeId),
    about: aboutOf(claim),
  }));
}

export async function vaultOf(
  contracts: Contracts,
  { provider }: Pick<Stage, "provider">,
  record: ChainRecord,
  court: CourtName = "market",
): Promise<Facts["vault"]> {
  const name = vaultOfCourt(court);
  const vault = contracts[name];
  let accounted = await vault.burnedWei();
  for (const account of record.flows.keys()) {
    const { freeWei, lockedWei } = await vault.accountOf(account);
    accounted += freeWei + lockedWei;
  }
  for (const { modelId } of eventsNamed(record, "ModelCreated"))
    accounted += (await vault.royaltyOf(modelId)) + (await vault.protocolFeeOf(modelId));
  return { balance: await provider.getBalance(contracts.deployment.addresses[name]), accounted };
}

const OWED: ReadonlySet<RequestStateName> = new Set<RequestStateName>([
  "requested",
  "answered",
  "overturned",
]);

export async function ledgerOf(
  { contracts, accounts }: Pick<Stage, "contracts" | "accounts">,
  { flows }: ChainRecord,
  court: CourtName = "market",
): Promise<LedgerFact[]> {
  const none: Flows = { deposited: 0n, withdrawn: 0n, earned: 0n, credited: 0n, won: 0n, lost: 0n };
  const names = [...HONEST, ...LIARS, ...CRANKS];
  return Promise.all(
    names.map(async (name) => {
      const { address } = accounts[name];
      const { freeWei, lockedWei } = await contracts[vaultOfCourt(court)].accountOf(address);
      const { reserveWei } = await contracts.receipts.reserveOf(address);
      const honest = HONEST.some((one) => one === name);
      return {
        name,
        address,
        honest,
        free: freeWei,
        locked: lockedWei,
        reserve: court === "receipts" ? reserveWei : 0n,
        ...(flows.get(address.toLowerCase()) ?? none),
      };
    }),
  );
}

/**
 * Reads everything and judges every answer. The play must be over.
 * @param failedOnce As `madeTwice` takes it.
 */
export async function gatherFacts(
  stage: Stage,
  plan: readonly PlannedRequest[],
  failedOnce: ReadonlySet<string>,
  gatherDoor: () => Promise<DoorFacts>,
): Promise<Facts> {
  const { contracts, provider, accounts } = stage;
  const { deployment } = contracts;
  // Events and balances are to be of one block, also where something was still on its way.
  await provider.send("evm_setIntervalMining", [0]);
  const record = await readRecord(contracts, provider);
  const requests = await requestsOf(stage, plan, record);
  const made = new Set(requests.map(({ index }) => index));
  const honest = HONEST.map((name) => accounts[name].address);
  const moves = await readMoves(contracts, provider, honest, deployment.block, record.head);
  return {
    requests,
    missing: plan
      .filter(({ index }) => !made.has(index))
      .map((planned) => ({ index: planned.index, expected: expectedOf(planned) })),
    games: gamesOf(stage, record, ({ request }) => `request ${request.nonce}`),
    ledger: await ledgerOf(stage, record),
    vault: await vaultOf(contracts, stage, record),
    market: {
      balance: await provider.getBalance(deployment.addresses.market),
      owed: requests
        .filter(({ state }) => OWED.has(state))
        .reduce((sum, { request }) => sum + request.fee, 0n),
    },
    moves,
    twice: madeTwice(moves, failedOnce),
    door: await gatherDoor(),
  };
}
