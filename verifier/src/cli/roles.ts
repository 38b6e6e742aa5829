/** `assay roles`: who can do what on a deployment. */
import type { Command } from "commander";
import {
  ADMIN_ROLE,
  readGovernance,
  type Governance,
  type Member,
  type Role,
  type Scheduled,
} from "../../../sdk/src/governance.ts";
import { parameterSchema, type ParameterSet } from "../../../sdk/src/parameters.ts";
import { sameHex } from "../../../sdk/src/structs.ts";
import { duration, time } from "../inspect/text.ts";
import { print, type Row } from "./output.ts";
import { openSession, withChain } from "./session.ts";

const CALLS = {
  setParameters: "set parameters of later requests, within the bounds below",
  pause: "pause new requests",
  unpause: "end a pause",
} as const;

const UNITS: Readonly<Record<keyof ParameterSet, string>> = {
  protocolFeeBps: "bps",
  minWindow: "s",
  maxWindow: "s",
  operatorClock: "s",
  challengerClock: "s",
  challengerBondGwei: "gwei",
  selectDepositGwei: "gwei",
  responseGas: "gas",
  turnEthSeconds: "ether seconds",
};

function delayText(seconds: number): string {
  return seconds === 0 ? "at once" : `${duration(seconds)} after announcing it`;
}

function memberRow({ account, since, delaySeconds, nextDelay }: Member, now: number): Row {
  const notYet = since > now ? `from ${time(since)} on, ` : "";
  const changing =
    nextDelay === undefined ? "" : `; from ${time(nextDelay.at)} on ${delayText(nextDelay.seconds)}`;
  return [`  ${account}`, `${notYet}${delayText(delaySeconds)}${changing}`];
}

function roleRows({ id, label, may, members, admin, guardian }: Role, now: number, closed: boolean): Row[] {
  const calls = closed ? [] : may.map((name) => CALLS[name]);
  const powers =
    id === ADMIN_ROLE
      ? [...calls, "grant and revoke roles, say which role may do what, replace the access manager"]
      : calls;
  const others = [
    ...(admin === ADMIN_ROLE ? [] : [`granted by role ${admin}`]),
    ...(guardian === ADMIN_ROLE ? [] : [`cancelled by role ${guardian}`]),
  ];
  const text = powers.length === 0 ? "nothing" : powers.join("; ");
  return [
    [label === "" ? `role ${id}` : label, [text, ...others].join(", ")],
    ...(members.length === 0 ? [["  nobody", ""] as const] : members.map((member) => memberRow(member, now))),
  ];
}

function operationRow({ caller, target, call, readyAt, expiresAt }: Scheduled, governance: Governance): Row {
  const where = sameHex(target, governance.authority) ? "access manager" : "market";
  const when =
    readyAt > governance.now ? `not before ${time(readyAt)}` : `possible now, until ${time(expiresAt)}`;
  return ["announced", `${call} on the ${where} by ${caller}: ${when}`];
}

function parameterRows({ parameters, bounds }: Governance): Row[] {
  return parameterSchema.keyof().options.map((name): Row => {
    const { min, max } = bounds[name];
    return [name, `${parameters[name]} ${UNITS[name]} (${min} to ${max})`];
  });
}

export function governanceRows(governance: Governance): Row[] {
  const { authority, closed, roles, scheduled, now, pausedUntil, maxPauseSeconds, pauseGapSeconds } =
    governance;
  const pauses = `at most ${duration(maxPauseSeconds)}, ${duration(pauseGapSeconds)} apart`;
  return [
    ["access manager", authority],
    ...(closed ? [["closed", "nobody can set parameters, pause or unpause"] as const] : []),
    ...roles.flatMap((role) => roleRows(role, now, closed)),
    ...(scheduled.length === 0
      ? [["announced", "nothing"] as const]
      : scheduled.map((operation) => operationRow(operation, governance))),
    [
      "new requests",
      pausedUntil > now ? `paused until ${time(pausedUntil)}` : `not paused; a pause lasts ${pauses}`,
    ],
    ["floorSeconds", `${governance.floorSeconds} s: immutable`],
    ...parameterRows(governance),
  ];
}

export function addRoles(program: Command): void {
  withChain(program.command("roles"), false)
    .description(
      "who can do what on a deployment: roles, members, delays, what is announced, bounds of parameters",
    )
    .option("--json", "print JSON: times in unix seconds")
    .addHelpText(
      "after",
      `
Nobody can touch a stake, a game or a request that exists; a role can only do what is listed. Everything that can be announced
beforehand is listed until it is done, cancelled, or a week old.
`,
    )
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const { contracts, provider } = await openSession(command);
      const governance = await readGovernance(contracts, provider);
      print(json ?? false, governanceRows(governance), {
        market: contracts.deployment.addresses.market,
        ...governance,
      });
    });
}
