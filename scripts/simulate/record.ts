/** What the chain says of the whole play, read anew over a connection of its own. */
import type { JsonRpcProvider, LogDescription } from "ethers";
import { z } from "zod/v4";
import type { Contracts } from "../../sdk/src/contracts.ts";
import {
  parseEvent,
  type AssayEvent,
  type EventName,
  type EventOf,
  type EventSource,
} from "../../sdk/src/events.ts";
import { readLogs } from "../../sdk/src/logs.ts";
import { address, wide, type Hex } from "../../sdk/src/structs.ts";

/** Sums over the vault's events about one account, wei. */
export interface Flows {
  deposited: bigint;
  withdrawn: bigint;
  /** For final answers. */
  earned: bigint;
  /** Refunds and protocol fees. */
  credited: bigint;
  /** Shares and forfeits of others. */
  won: bigint;
  /** Forfeited to others, or burned. */
  lost: bigint;
}

export interface ChainRecord {
  readonly head: number;
  readonly events: readonly AssayEvent[];
  /** By account, lower case. */
  readonly flows: ReadonlyMap<string, Flows>;
}

/** The market and the court for receipts: contracts, whose events each has, and the vault of its disputes. */
const COURTS = {
  market: {
    sources: [
      ["registry", "registry"],
      ["market", "market"],
      ["game", "game"],
    ],
    vault: "vault",
  },
  receipts: {
    sources: [
      ["receipts", "receipts"],
      ["receiptsGame", "game"],
      ["deposits", "deposits"],
    ],
    vault: "receiptsVault",
  },
} as const satisfies Record<
  string,
  {
    readonly sources: readonly (readonly [keyof Contracts["deployment"]["addresses"], EventSource])[];
    vault: string;
  }
>;
export type CourtName = keyof typeof COURTS;

export function vaultOfCourt(court: CourtName): (typeof COURTS)[CourtName]["vault"] {
  return COURTS[court].vault;
}

const vaultSchema = z.object({
  account: address.optional(),
  operator: address.optional(),
  from: address.optional(),
  to: address.optional(),
  amountWei: wide.optional(),
  earnedWei: wide.optional(),
});

function addFlow(flows: Map<string, Flows>, { name, args }: LogDescription): void {
  const { account, operator, from, to, amountWei = 0n, earnedWei = 0n } = vaultSchema.parse(args.toObject());
  const of = (owner: Hex | undefined): Flows => {
    const key = owner?.toLowerCase() ?? "";
    const found = flows.get(key) ?? {
      deposited: 0n,
      withdrawn: 0n,
      earned: 0n,
      credited: 0n,
      won: 0n,
      lost: 0n,
    };
    flows.set(key, found);
    return found;
  };
  switch (name) {
    case "Deposited":
      of(account).deposited += amountWei;
      break;
    case "Withdrawn":
      of(account).withdrawn += amountWei;
      break;
    case "Credited":
      of(account).credited += amountWei;
      break;
    case "Settled":
      of(operator).earned += earnedWei;
      break;
    case "Forfeited":
      of(from).lost += amountWei;
      of(to).won += amountWei;
      break;
    case "Burned":
      of(from).lost += amountWei;
      break;
    default:
  }
}

/** The chain must not be reorganised meanwhile. */
export async function readRecord(
  contracts: Contracts,
  provider: JsonRpcProvider,
  court: CourtName = "market",
): Promise<ChainRecord> {
  const { deployment } = contracts;
  const { sources, vault } = COURTS[court];
  const head = await provider.getBlockNumber();
  const placed: { readonly event: AssayEvent; readonly block: number; readonly index: number }[] = [];
  for (const [contract, source] of sources) {
    const filter = { address: deployment.addresses[contract], topics: [] };
    for (const log of await readLogs(provider, filter, deployment.block)) {
      const event = parseEvent(source, log);
      if (event !== undefined) placed.push({ event, block: log.blockNumber, index: log.index });
    }
  }
  placed.sort((a, b) => a.block - b.block || a.index - b.index);
  const flows = new Map<string, Flows>();
  for (const log of await readLogs(
    provider,
    { address: deployment.addresses[vault], topics: [] },
    deployment.block,
  )) {
    const description = contracts[vault].interface.parseLog(log);
    if (description !== null) addFlow(flows, description);
  }
  return { head, events: placed.map(({ event }) => event), flows };
}

export function eventsNamed<N extends EventName>({ events }: ChainRecord, name: N): EventOf<N>[] {
  const isNamed = (event: AssayEvent): event is AssayEvent & EventOf<N> => event.name === name;
  return events.filter(isNamed);
}
