/** Challengers of right receipts: one by one as planned, and many of one operator at once. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Rng } from "../../../program/src/testing/rng.ts";
import { inputOfReceipt, outputOfReceipt } from "../../../sdk/src/infer/check.ts";
import { digestOfFile } from "../../../sdk/src/infer/store.ts";
import type { ReceiptFile } from "../../../sdk/src/infer/wire.ts";
import { sameHex, toHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ResultRecord } from "../../../verifier/src/chain/state.ts";
import { trialOf } from "../../../verifier/src/play/trial.ts";
import type { Hand } from "../hand.ts";
import { createMover } from "../mover.ts";
import type { Challenger } from "../requests.ts";
import type { CrankName } from "../rules.ts";
import type { Stage } from "../stage.ts";
import { createWatch, type Watched } from "../watch.ts";
import type { Goods } from "./goods.ts";
import { RUSHED } from "./plan.ts";

const LOOK_MS = 1000;

export interface DoorCranks {
  /** A receipt that the client got, and who is to challenge it if it is right. */
  receive(file: ReceiptFile, challengers: readonly Challenger[]): void;
  /** Challenges right receipts of an operator that nobody challenges yet. */
  rush(operator: Hex): void;
  /** Plays until the signal is aborted. */
  play(signal: AbortSignal): Promise<void>;
}

interface Target {
  readonly digest: Hex;
  readonly file: ReceiptFile;
  readonly challengers: Challenger[];
}

/** The receipt's trial as the chain shows it, and as whoever has the receipt knows it. */
function resultOf({ state }: Watched, { digest, file }: Target): ResultRecord | undefined {
  const request = [...state.requests.values()].find(
    ({ court, request: { inputHash } }) => court === "receipts" && sameHex(inputHash, digest),
  );
  const result = request?.resultId === undefined ? undefined : state.results.get(request.resultId);
  if (request === undefined || result === undefined) return undefined;
  request.input = toHex(inputOfReceipt(file));
  result.output = toHex(outputOfReceipt(file));
  return result;
}

export function createDoorCranks(
  { contracts, provider }: Pick<Stage, "contracts" | "provider">,
  {
    goods,
    hands,
    rng,
  }: { readonly goods: Goods; readonly hands: Readonly<Record<CrankName, Hand>>; readonly rng: Rng },
): DoorCranks {
  const { receipts: court, receiptsGame: game } = contracts.deployment.addresses;
  const targets: Target[] = [];
  const mover = createMover(contracts, game, rng);

  function challengeCall({ file }: Target): string {
    const { release } = goods.of(file);
    return contracts.receipts.interface.encodeFunctionData("challenge", [
      file.receipt,
      release,
      file.signature,
    ]);
  }

  function waits({ state }: Watched, { file }: Target, account: Hex): boolean {
    const line = state.queues.get(file.receipt.operator.toLowerCase()) ?? [];
    return line.some(
      ({ challenger, receipt }) =>
        sameHex(challenger, account) && sameHex(receipt.requestHash, file.receipt.requestHash),
    );
  }

  async function next(watched: Watched, target: Target, { name, tactic }: Challenger): Promise<void> {
    const hand = hands[name];
    const { address } = hand;
    const result = resultOf(watched, target);
    const mine = result?.games.get(address.toLowerCase());
    if (mine === undefined && waits(watched, target, address)) return;
    const trial = result && trialOf(watched.state, result, watched.now);
    if (trial !== undefined && mine !== undefined)
      await mover.play(hand, trial, mine, tactic, goods.of(target.file).model);
    else await mover.send(hand, court, target.digest, () => challengeCall(target));
  }

  async function round(): Promise<void> {
    if (targets.every(({ challengers }) => challengers.length === 0)) return;
    const watched = await look();
    for (const target of targets)
      for (const challenger of target.challengers) await next(watched, target, challenger);
  }

  const look = createWatch(contracts, provider);

  return {
    receive(file, challengers) {
      if (!goods.isRight(file)) return;
      targets.push({ digest: digestOfFile(file), file, challengers: [...challengers] });
    },
    rush(operator) {
      const free = targets.filter(
        ({ file, challengers }) => challengers.length === 0 && sameHex(file.receipt.operator, operator),
      );
      for (const { challengers } of free.slice(-RUSHED))
        challengers.push({ name: "crank-1", tactic: "stalls" });
    },
    async play(signal) {
      while (!signal.aborted) {
        // The chain can move while it is read: the next look sees it as it is then.
        await round().catch(() => undefined);
        await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}
