/** Publishes the root of the receipts of each period once it is over: one transaction, for anybody to hold us to. */
import type { Anchored } from "../../../sdk/src/infer/anchors.ts";
import type { Duty } from "../duties.ts";
import { lowerHex } from "../lowerHex.ts";
import type { Role, RoleContext } from "../roles/role.ts";
import type { ReceiptStore } from "../state/receipts.ts";
import type { Anchors } from "./anchors.ts";

export interface AnchorerOptions {
  readonly anchors: Anchors;
  readonly store: ReceiptStore;
  /** Ours, the oldest first. */
  readonly anchored: () => readonly Anchored[];
  /** Length of a period, seconds; periods begin at its multiples. */
  readonly everySeconds: number;
}

/** After a period's end: until then a receipt of its last seconds may be on its way to the database. */
const GRACE_SECONDS = 300;

/** End of the newest period that is over. Pure. @param now Unix seconds. */
export function periodsEnd(now: number, everySeconds: number): number {
  return Math.floor((now - Math.min(GRACE_SECONDS, everySeconds)) / everySeconds) * everySeconds;
}

export function createAnchorer(
  { contracts, sender, log }: RoleContext,
  { anchors, store, anchored, everySeconds }: AnchorerOptions,
): Role {
  const me = sender.address;
  /** Nothing was issued before, and after what is anchored. */
  let emptyUntil = 0;

  async function oldestSince(from: number): Promise<number | undefined> {
    for await (const { issuedAt } of store.issued(from, Number.MAX_SAFE_INTEGER)) return issuedAt;
    return undefined;
  }

  async function anchor(until: number): Promise<void> {
    const before = anchored().at(-1)?.until;
    const oldest = await oldestSince(before ?? 0);
    // A period without receipts is part of the next one that has some.
    if (oldest === undefined || oldest >= until) {
      emptyUntil = until;
      return;
    }
    const from = before ?? Math.floor(oldest / everySeconds) * everySeconds;
    const { root, count } = await anchors.make(from, until);
    const data = contracts.receipts.interface.encodeFunctionData("anchor", [root, count, from, until]);
    const to = contracts.deployment.addresses.receipts;
    await sender.send({ key: `anchor:${from}:${until}`, label: "anchor", subject: me, to, data });
    log.info({ root, count, from, until }, "anchored");
  }

  return {
    duties(_state, head): Duty[] {
      // Receipts have our clock's time, and the chain takes nothing that is yet to come.
      const until = periodsEnd(Math.min(Math.floor(Date.now() / 1000), head.timestamp), everySeconds);
      if (until <= Math.max(emptyUntil, anchored().at(-1)?.until ?? 0)) return [];
      return [{ key: `anchor:${until}`, subject: `anchor:${lowerHex(me)}`, run: () => anchor(until) }];
    },
  };
}
