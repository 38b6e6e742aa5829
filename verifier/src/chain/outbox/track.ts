/** What became of what was sent: mined, reverted, replaced, undone by a reorganisation. */
import type { TransactionReceipt } from "ethers";
import { AssayError } from "../../../../sdk/src/error.ts";
import { sameHex } from "../../../../sdk/src/structs.ts";
import { ask, explainRevert, inclusionOf, readReceipt } from "./chain.ts";
import { failureFrom, fieldsOf, type OutboxContext, type Witness } from "./context.ts";
import type { Entry, Signed } from "./journal.ts";

interface Suspicion {
  readonly since: number;
  looks: number;
}

/** Its receipt if it stands; else the entry, if it can be broadcast again. */
export type SecondLook = { readonly receipt: TransactionReceipt } | { readonly undone: Entry | undefined };

/** Looks at the chain without a receipt of ours before its nonce counts as lost. */
const LOOKS = 3;

export interface Tracker {
  /** An entry that waits to be mined. @param chainNonce The chain's next nonce. @returns whether it waits still. */
  pending(entry: Entry, chainNonce: number): Promise<boolean>;
  /** Entries that were mined and are not final. @returns those whose block has gone: to be broadcast again. */
  mined(entries: readonly Entry[], head: number): Promise<Entry[]>;
  /** A second look at a move that was mined and is asked for again. */
  recheck(entry: Entry): Promise<SecondLook>;
  /** @returns the receipt of a mined entry; undefined: no endpoint has it at the moment. */
  receiptOf(entry: Entry): Promise<TransactionReceipt | undefined>;
}

export function createTracker(context: OutboxContext): Tracker {
  const { journal, provider, readings, witness, signer, log, probe } = context;
  const suspicions = new Map<number, Suspicion>();
  /** Entries that are not final and were told to be in a block. */
  const told = new Set<number>();
  let lastHead = NaN;

  async function find(
    entry: Entry,
    from: Witness = provider,
  ): Promise<[Signed, TransactionReceipt] | undefined> {
    for (const signed of [...entry.signed].reverse()) {
      const receipt = await readReceipt(from, signed.hash, signer.address);
      if (receipt !== undefined) return [signed, receipt];
    }
    return undefined;
  }

  function tell({ id, label, state, inclusion, signed }: Entry): void {
    if (told.has(id) || inclusion === undefined || (state !== "mined" && state !== "reverted")) return;
    told.add(id);
    const signedMs = signed[0]?.signedMs ?? Date.now();
    probe?.included(label, state, inclusion, Math.max(0, Date.now() - signedMs) / 1000);
  }

  /** Writes down that an entry is in a block. */
  async function include(
    entry: Entry,
    { hash }: Pick<Signed, "hash">,
    receipt: TransactionReceipt,
  ): Promise<void> {
    const block = await ask("block", provider.getBlock(receipt.blockNumber));
    // The chain moves at this moment: the next look will tell.
    if (block?.hash == null || !sameHex(block.hash, receipt.blockHash)) return;
    const inclusion = inclusionOf(receipt, hash, block.timestamp);
    const fields = { ...fieldsOf(entry), hash, block: inclusion.block, gas: inclusion.gasUsed };
    if (receipt.status === 1) {
      const changed = await journal.change(entry, { state: "mined", inclusion });
      if (changed === undefined) return;
      tell(changed);
      log.info(fields, "mined");
      return;
    }
    const call = {
      from: signer.address,
      to: entry.to,
      data: await journal.dataOf(entry),
      value: entry.value,
    };
    const error = await explainRevert(provider, entry.label, call, inclusion.block);
    const changed = await journal.change(entry, {
      state: "reverted",
      inclusion,
      failure: failureFrom(error),
    });
    if (changed === undefined) return;
    tell(changed);
    log.warn({ ...fields, error: error.details["error"] }, "reverted");
  }

  function suspicious({ id }: Entry): boolean {
    const found = suspicions.get(id) ?? { since: Date.now(), looks: 0 };
    suspicions.set(id, found);
    found.looks++;
    return found.looks >= LOOKS && Date.now() - found.since >= context.replacedMs;
  }

  async function pending(entry: Entry, chainNonce: number): Promise<boolean> {
    if (entry.nonce >= chainNonce) {
      suspicions.delete(entry.id);
      return true;
    }
    const found = await find(entry);
    if (found !== undefined) {
      suspicions.delete(entry.id);
      await include(entry, ...found);
      return false;
    }
    if (!suspicious(entry)) return true;
    // The endpoint may only be behind.
    const elsewhere = await find(entry, witness);
    if (elsewhere !== undefined) {
      await include(entry, ...elsewhere);
      return false;
    }
    suspicions.delete(entry.id);
    const error = new AssayError(
      "TRANSACTION_REPLACED",
      `${entry.label}: another transaction of this account has taken nonce ${entry.nonce}`,
      { retryable: true, details: { nonce: entry.nonce } },
    );
    const changed = await journal.change(entry, { state: "failed", failure: failureFrom(error) });
    if (changed === undefined) return false;
    probe?.replaced(entry.label);
    log.warn(fieldsOf(entry), error.message);
    return false;
  }

  /** @returns the entry, pending again, if its receipt has gone. */
  async function moved(entry: Entry): Promise<Entry | undefined> {
    const found = await find(entry);
    if (found === undefined) {
      const changed = await journal.change(entry, { state: "pending" });
      if (changed !== undefined) log.warn(fieldsOf(entry), "undone by a reorganisation: sending it again");
      return changed;
    }
    const [signed, receipt] = found;
    if (!sameHex(receipt.blockHash, entry.inclusion?.blockHash ?? "")) await include(entry, signed, receipt);
    return undefined;
  }

  return {
    pending,
    async mined(entries, head) {
      if (entries.length === 0 || head === lastHead) return [];
      const undone: Entry[] = [];
      const blocks = new Map<number, string | undefined>();
      for (const entry of entries) {
        const { block = 0, blockHash = "" } = entry.inclusion ?? {};
        if (block > head) continue;
        if (!blocks.has(block)) blocks.set(block, await readings.hashOf(block));
        if (sameHex(blocks.get(block) ?? "", blockHash)) {
          if (head - block < context.finality) continue;
          await journal.finish(entry);
          told.delete(entry.id);
          continue;
        }
        const again = await moved(entry);
        if (again !== undefined) undone.push(again);
      }
      lastHead = head;
      return undone;
    },
    async recheck(entry) {
      const { inclusion } = entry;
      if (inclusion === undefined) return { undone: undefined };
      const receipt = await readReceipt(witness, inclusion.hash, signer.address);
      if (receipt?.status === 1) return { receipt };
      log.warn(
        { ...fieldsOf(entry), hash: inclusion.hash },
        "a second look does not find it: it was not mined",
      );
      const gone = new AssayError("TRANSACTION_REPLACED", `${entry.label} was not mined`, {
        retryable: true,
      });
      if (entry.signed.length > 0) return { undone: await journal.change(entry, { state: "pending" }) };
      // What is final has no bytes any more: it can only be done anew.
      await journal.change(entry, { state: "failed", failure: failureFrom(gone) });
      return { undone: undefined };
    },
    async receiptOf({ inclusion }) {
      if (inclusion === undefined) return undefined;
      const receipt = await readReceipt(provider, inclusion.hash, signer.address);
      return receipt ?? readReceipt(witness, inclusion.hash, signer.address);
    },
  };
}
