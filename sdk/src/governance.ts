/**
 * Who can do what on a deployment. Events of the access manager say whom and what to ask about; the chain's own answers, all at one
 * block, say how it is.
 */
import type { BlockTag, Interface, Provider } from "ethers";
import { z } from "zod/v4";
import { Authority__factory, Governed__factory, type Governed } from "./typechain.ts";
import type { Contracts } from "./contracts.ts";
import { AssayError } from "./error.ts";
import { readLogs } from "./logs.ts";
import { unpackParameters, type ParameterSet } from "./parameters.ts";
import { address, bytes32, hex, sameHex, small, wide, type Hex } from "./structs.ts";

/** All that is restricted; see contracts/market/Governed.sol. */
export const RESTRICTED = ["setParameters", "pause", "unpause"] as const;
export type Restricted = (typeof RESTRICTED)[number];

export const ADMIN_ROLE = 0n;

export interface Member {
  readonly account: Hex;
  /** Unix seconds from which on the account has the role. */
  readonly since: number;
  /** Seconds between announcing a call and the call; 0: at once. */
  readonly delaySeconds: number;
  /** Of a change of that delay that has not taken effect; `at` in unix seconds. */
  readonly nextDelay?: { readonly seconds: number; readonly at: number };
}

export interface Role {
  readonly id: bigint;
  /** ADMIN, or what the access manager's events call it; empty: nothing. */
  readonly label: string;
  /** Role whose members grant and revoke this one. */
  readonly admin: bigint;
  /** Role whose members can cancel what members of this one have announced. */
  readonly guardian: bigint;
  /** What its members may call on the market. Of the access manager's own functions, ADMIN alone may call those that change it. */
  readonly may: readonly Restricted[];
  readonly members: readonly Member[];
}

/** A call that was announced, and neither made nor cancelled nor forgotten. */
export interface Scheduled {
  readonly operationId: Hex;
  readonly caller: Hex;
  readonly target: Hex;
  /** Signature with arguments, or the calldata if it is of no known function. */
  readonly call: string;
  /** Unix seconds from which on it can be made, and until which. */
  readonly readyAt: number;
  readonly expiresAt: number;
}

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

export interface Governance {
  /** Block that all of this is true of, and its time in unix seconds. */
  readonly block: number;
  readonly now: number;
  readonly authority: Hex;
  /** Whether the access manager has closed the market's restricted functions to everybody. */
  readonly closed: boolean;
  readonly roles: readonly Role[];
  readonly scheduled: readonly Scheduled[];
  readonly parameters: ParameterSet;
  readonly bounds: Readonly<Record<keyof ParameterSet, Bounds>>;
  readonly floorSeconds: number;
  /** Unix seconds; 0: never. */
  readonly pausedUntil: number;
  readonly maxPauseSeconds: number;
  readonly pauseGapSeconds: number;
}

const events = {
  RoleGranted: z.object({ roleId: wide, account: address }),
  RoleLabel: z.object({ roleId: wide, label: z.string().max(64) }),
  TargetFunctionRoleUpdated: z.object({ roleId: wide }),
  OperationScheduled: z.object({ operationId: bytes32, caller: address, target: address, data: hex }),
} as const;

interface History {
  readonly roles: Map<bigint, Set<Hex>>;
  readonly labels: Map<bigint, string>;
  /** By operation; the last announcement of each. */
  readonly operations: Map<Hex, z.infer<typeof events.OperationScheduled>>;
}

async function readHistory(provider: Provider, authority: Hex, from: number, to: number): Promise<History> {
  const contract = Authority__factory.createInterface();
  const history: History = {
    roles: new Map([[ADMIN_ROLE, new Set()]]),
    labels: new Map(),
    operations: new Map(),
  };
  const membersOf = (roleId: bigint): Set<Hex> => {
    const members = history.roles.get(roleId) ?? new Set();
    history.roles.set(roleId, members);
    return members;
  };
  for (const log of await readLogs(provider, { address: authority }, from, undefined, to)) {
    const parsed = contract.parseLog(log);
    if (parsed === null || !Object.hasOwn(events, parsed.name)) continue;
    const fields: unknown = parsed.args.toObject();
    switch (parsed.name) {
      case "RoleGranted": {
        const { roleId, account } = events.RoleGranted.parse(fields);
        membersOf(roleId).add(account);
        break;
      }
      case "RoleLabel": {
        const { roleId, label } = events.RoleLabel.parse(fields);
        history.labels.set(roleId, label);
        break;
      }
      case "TargetFunctionRoleUpdated":
        membersOf(events.TargetFunctionRoleUpdated.parse(fields).roleId);
        break;
      default: {
        const operation = events.OperationScheduled.parse(fields);
        history.operations.set(operation.operationId, operation);
      }
    }
  }
  return history;
}

/** @param known Interfaces of what may be the target. */
function callText(data: Hex, known: readonly Interface[]): string {
  for (const contract of known) {
    const parsed = contract.parseTransaction({ data });
    if (parsed !== null) return `${parsed.name}(${parsed.args.map((arg) => String(arg)).join(", ")})`;
  }
  return data;
}

/** From the market's own constants; what has no other bound has that of its type. */
export async function readBounds(market: Governed, blockTag: BlockTag): Promise<Governance["bounds"]> {
  const at = { blockTag };
  const floor = small.parse(await market.floorSeconds(at));
  const fee = small.parse(await market.MAX_PROTOCOL_FEE_BPS(at));
  const longest = small.parse(await market.MAX_SECONDS(at));
  const common = small.parse(await market.COMMON_WINDOW(at));
  const bond = small.parse(await market.MAX_CHALLENGER_BOND_GWEI(at));
  const deposit = small.parse(await market.MAX_SELECT_DEPOSIT_GWEI(at));
  const clock = { min: floor, max: longest };
  return {
    protocolFeeBps: { min: 0, max: fee },
    minWindow: { min: Math.max(1, floor), max: common },
    maxWindow: { min: common, max: longest },
    operatorClock: clock,
    challengerClock: clock,
    challengerBondGwei: { min: 0, max: bond },
    selectDepositGwei: { min: 0, max: deposit },
    responseGas: { min: 0, max: 2 ** 24 - 1 },
    turnEthSeconds: { min: 0, max: 2 ** 16 - 1 },
  };
}

/**
 * @throws {AssayError} RPC_FAILED if the endpoint does not give its events.
 */
export async function readGovernance(
  { deployment }: Pick<Contracts, "deployment">,
  provider: Provider,
): Promise<Governance> {
  const head = await provider.getBlock("latest");
  if (head === null)
    throw new AssayError("RPC_FAILED", "the endpoint has no newest block", { retryable: true });
  const { number: block, timestamp: now } = head;
  const at = { blockTag: block };
  const marketAt = deployment.addresses.market;
  const market = Governed__factory.connect(marketAt, provider);
  const authorityAt = address.parse(await market.authority(at));
  const authority = Authority__factory.connect(authorityAt, provider);
  const history = await readHistory(provider, authorityAt, deployment.block, block);

  const holders = new Map<Restricted, bigint>();
  for (const name of RESTRICTED) {
    const { selector } = market.getFunction(name).fragment;
    holders.set(name, await authority.getTargetFunctionRole(marketAt, selector, at));
  }

  async function memberOf(id: bigint, account: Hex): Promise<Member | undefined> {
    const access = await authority.getAccess(id, account, at);
    const [since, delaySeconds, seconds, effect] = access.map((value: bigint) => Number(value));
    if (since === undefined || since === 0 || delaySeconds === undefined) return undefined;
    const nextDelay = effect ? { nextDelay: { seconds: seconds ?? 0, at: effect } } : {};
    return { account, since, delaySeconds, ...nextDelay };
  }

  async function roleOf(id: bigint, accounts: ReadonlySet<Hex>): Promise<Role> {
    const members = await Promise.all([...accounts].map((account) => memberOf(id, account)));
    return {
      id,
      label: id === ADMIN_ROLE ? "ADMIN" : (history.labels.get(id) ?? ""),
      admin: await authority.getRoleAdmin(id, at),
      guardian: await authority.getRoleGuardian(id, at),
      may: RESTRICTED.filter((name) => holders.get(name) === id),
      members: members.filter((member) => member !== undefined),
    };
  }

  const roles = await Promise.all([...history.roles].map(([id, accounts]) => roleOf(id, accounts)));
  const expiration = Number(await authority.expiration(at));
  const scheduled: Scheduled[] = [];
  for (const { operationId, caller, target, data } of history.operations.values()) {
    const readyAt = Number(await authority.getSchedule(operationId, at));
    if (readyAt === 0) continue;
    const known = sameHex(target, authorityAt) ? [authority.interface] : [market.interface];
    const call = callText(data, known);
    scheduled.push({ operationId, caller, target, call, readyAt, expiresAt: readyAt + expiration });
  }
  return {
    block,
    now,
    authority: authorityAt,
    closed: await authority.isTargetClosed(marketAt, at),
    roles: roles.sort((a, b) => (a.id < b.id ? -1 : 1)),
    scheduled: scheduled.sort((a, b) => a.readyAt - b.readyAt),
    parameters: unpackParameters(await market.packedParameters(at)),
    bounds: await readBounds(market, block),
    floorSeconds: small.parse(await market.floorSeconds(at)),
    pausedUntil: small.parse(await market.pausedUntil(at)),
    maxPauseSeconds: small.parse(await market.MAX_PAUSE(at)),
    pauseGapSeconds: small.parse(await market.PAUSE_GAP(at)),
  };
}
