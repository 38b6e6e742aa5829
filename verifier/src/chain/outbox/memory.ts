/** A journal for commands that send one thing and end: nothing survives the process. */
import { hex, type Hex } from "../../../../sdk/src/structs.ts";
import {
  DAY_MS,
  isSigned,
  worstWei,
  type Change,
  type Entry,
  type Journal,
  type Ledger,
  type Preparation,
  type Reservation,
} from "./journal.ts";

interface Kept {
  entry: Entry;
  readonly data: Hex;
  readonly raws: Hex[];
  final: boolean;
}

function gasWei({ inclusion }: Entry): bigint {
  return inclusion === undefined ? 0n : BigInt(inclusion.gasUsed) * inclusion.gasPriceWei;
}

export function memoryJournal(): Journal {
  const kept = new Map<number, Kept>();
  const open = (): Kept[] =>
    [...kept.values()].filter(({ final }) => !final).sort((a, b) => a.entry.nonce - b.entry.nonce);

  function newestOf(key: string): Entry | undefined {
    const attempts = [...kept.values()].map(({ entry }) => entry).filter((entry) => entry.key === key);
    return attempts.at(-1);
  }

  /** The kept entry, if nobody has changed it since. */
  function current({ id, revision }: Entry): Kept | undefined {
    const found = kept.get(id);
    return found?.entry.revision === revision ? found : undefined;
  }

  function bury(found: Kept): void {
    found.final = true;
    found.raws.length = 0;
    found.entry = { ...found.entry, signed: [] };
  }

  function routineSpent(): bigint {
    const since = (Date.now() - DAY_MS) / 1000;
    return [...kept.values()]
      .filter(({ entry }) => (entry.inclusion?.minedAt ?? 0) >= since)
      .filter(({ entry }) => entry.priority === "routine")
      .reduce((sum, { entry }) => sum + gasWei(entry), 0n);
  }

  function ledgerFrom(chainNonce: number): Ledger {
    const entries = [...kept.values()].map(({ entry }) => entry).filter(({ state }) => state !== "failed");
    const pending = entries.filter(({ state }) => state === "pending");
    const routine = pending.filter(({ priority }) => priority === "routine");
    return {
      held: new Set(entries.map(({ nonce }) => nonce).filter((nonce) => nonce >= chainNonce)),
      pending: pending.length,
      committedWei: pending.reduce((sum, entry) => sum + worstWei(entry), 0n),
      routineCommittedWei: routine.reduce((sum, entry) => sum + worstWei(entry) - entry.value, 0n),
      routineSpentWei: routineSpent(),
    };
  }

  function reserve({ intent, gasLimit, chainNonce, decide }: Preparation): Reservation {
    const before = newestOf(intent.key);
    if (before?.state === "pending" || before?.state === "mined") return { kind: "joined", entry: before };
    const decision = decide(ledgerFrom(chainNonce));
    if ("refused" in decision) return { kind: "refused", refused: decision.refused };
    const entry: Entry = {
      id: kept.size + 1,
      key: intent.key,
      attempt: (before?.attempt ?? 0) + 1,
      label: intent.label,
      subject: intent.subject,
      to: intent.to,
      value: intent.value ?? 0n,
      priority: intent.priority ?? "routine",
      deadline: intent.deadline,
      stakeWei: intent.stakeWei,
      gasLimit,
      nonce: decision.nonce,
      fees: decision.fees,
      version: 0,
      signed: [],
      state: "pending",
      revision: 0,
      changedMs: Date.now(),
      inclusion: undefined,
      failure: undefined,
    };
    kept.set(entry.id, { entry, data: hex.parse(intent.data), raws: [], final: false });
    return { kind: "reserved", entry };
  }

  function changed(entry: Entry, change: Change): Entry {
    const next = { ...entry, state: change.state, revision: entry.revision + 1, changedMs: Date.now() };
    if (change.state === "failed") return { ...next, failure: change.failure };
    if (change.state !== "pending") return { ...next, inclusion: change.inclusion, failure: change.failure };
    const version = change.offer && { ...change.offer, version: entry.version + 1 };
    return { ...next, ...version, inclusion: undefined, failure: undefined };
  }

  return {
    open: () => Promise.resolve({ nowMs: Date.now(), entries: open().map(({ entry }) => entry) }),
    newest: (keys) =>
      Promise.resolve(
        new Map(
          keys.flatMap((key): [string, Entry][] => {
            const entry = newestOf(key);
            return entry === undefined ? [] : [[key, entry]];
          }),
        ),
      ),
    reserve: (preparation) => Promise.resolve(reserve(preparation)),
    store(entry, { hash, raw, head }) {
      const found = current(entry);
      if (found === undefined || isSigned(found.entry)) return Promise.resolve(false);
      found.raws.push(raw);
      const signed = { version: entry.version, hash, head, signedMs: Date.now(), sentMs: undefined };
      found.entry = { ...found.entry, signed: [...found.entry.signed, signed] };
      return Promise.resolve(true);
    },
    claimBroadcast(entry, restMs) {
      const found = kept.get(entry.id);
      const newest = found?.entry.signed.at(-1);
      if (found === undefined || newest === undefined) return Promise.resolve(false);
      if (newest.sentMs !== undefined && newest.sentMs > Date.now() - restMs) return Promise.resolve(false);
      const signed = [...found.entry.signed.slice(0, -1), { ...newest, sentMs: Date.now() }];
      found.entry = { ...found.entry, signed };
      return Promise.resolve(true);
    },
    change(entry, change) {
      const found = current(entry);
      if (found === undefined) return Promise.resolve(undefined);
      found.entry = changed(found.entry, change);
      if (change.state === "failed") bury(found);
      return Promise.resolve(found.entry);
    },
    release(entry, failure) {
      const found = current(entry);
      if (found === undefined || found.entry.signed.length > 0) return Promise.resolve(false);
      found.entry = changed(found.entry, { state: "failed", failure });
      bury(found);
      return Promise.resolve(true);
    },
    finish(entry) {
      const found = current(entry);
      if (found !== undefined) bury(found);
      return Promise.resolve();
    },
    dataOf: (entry) => Promise.resolve(kept.get(entry.id)?.data ?? "0x"),
    rawOf: (entry) => Promise.resolve(kept.get(entry.id)?.raws.at(-1)),
    routineSpent: () => Promise.resolve(routineSpent()),
  };
}
