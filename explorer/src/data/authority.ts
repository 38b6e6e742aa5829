/** Who may do what: an OpenZeppelin AccessManager, from its events. Pure. */
import { ADMIN_ROLE } from "../../../sdk/src/governance.ts";
import { AccessManagerInterface } from "./accessManager.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { sameHex } from "../../../sdk/src/structs.ts";
import type { ChainLog } from "../../../verifier/src/chain/log.ts";

export interface Member {
  readonly account: Hex;
  /** Between announcing a call and making it. */
  readonly delaySeconds: number;
  /** Unix seconds from which it counts. */
  readonly since: number;
}

export interface RoleRecord {
  readonly roleId: bigint;
  label: string | undefined;
  readonly members: Map<string, Member>;
  /** Selectors of the market's functions. */
  readonly functions: Set<string>;
}

export interface Operation {
  readonly operationId: string;
  readonly caller: Hex;
  readonly target: Hex;
  readonly data: Hex;
  /** Unix seconds from which it may be made. */
  readonly at: number;
}

export interface Authority {
  readonly roles: ReadonlyMap<bigint, RoleRecord>;
  /** Announced, neither made nor cancelled. */
  readonly scheduled: readonly Operation[];
}

/** Of OpenZeppelin's AccessManager: what was announced longer ago is void. Seconds. */
const EXPIRATION = 7 * 86_400;

/** Announced calls that can still be made. @param now Unix seconds. */
export function pendingAt({ scheduled }: Authority, now: number): readonly Operation[] {
  return scheduled.filter(({ at }) => now < at + EXPIRATION);
}

/** Everybody. */
export const PUBLIC_ROLE = 2n ** 64n - 1n;

function bytes(value: unknown): Hex {
  return `0x${String(value).slice(2)}`;
}

/** @param restricted Selectors of functions that only roles may call; those that no event names are the admin's. */
export function authorityOf(
  logs: readonly ChainLog[],
  market: Hex,
  restricted: readonly string[],
): Authority {
  const roles = new Map<bigint, RoleRecord>();
  const scheduled = new Map<string, Operation>();
  const home = new Map(restricted.map((selector) => [selector, ADMIN_ROLE]));
  const of = (roleId: bigint): RoleRecord => {
    const known = roles.get(roleId) ?? { roleId, label: undefined, members: new Map(), functions: new Set() };
    roles.set(roleId, known);
    return known;
  };
  of(ADMIN_ROLE).label = "admin";
  for (const log of logs) {
    const parsed = AccessManagerInterface.parseLog({ topics: [...log.topics], data: log.data });
    if (parsed === null) continue;
    const args: readonly unknown[] = parsed.args.toArray();
    switch (parsed.name) {
      case "RoleGranted": {
        const [roleId, account, delay, since] = [
          BigInt(String(args[0])),
          bytes(args[1]),
          Number(args[2]),
          Number(args[3]),
        ];
        of(roleId).members.set(account.toLowerCase(), { account, delaySeconds: delay, since });
        break;
      }
      case "RoleRevoked":
        of(BigInt(String(args[0]))).members.delete(String(args[1]).toLowerCase());
        break;
      case "RoleLabel":
        of(BigInt(String(args[0]))).label = String(args[1]).slice(0, 60);
        break;
      case "TargetFunctionRoleUpdated":
        if (sameHex(String(args[0]), market)) home.set(String(args[1]), BigInt(String(args[2])));
        break;
      case "OperationScheduled":
        scheduled.set(String(args[0]), {
          operationId: String(args[0]),
          at: Number(args[2]),
          caller: bytes(args[3]),
          target: bytes(args[4]),
          data: bytes(args[5]),
        });
        break;
      case "OperationExecuted":
      case "OperationCanceled":
        scheduled.delete(String(args[0]));
        break;
      default:
    }
  }
  for (const [selector, roleId] of home) of(roleId).functions.add(selector);
  return { roles, scheduled: [...scheduled.values()] };
}
