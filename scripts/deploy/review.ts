/** What is about to be sent, for a person to read, and what it costs. */
import { formatEther, formatUnits } from "ethers";
import { parameterSchema, type ParameterSet } from "../../sdk/src/parameters.ts";
import { duration } from "../../verifier/src/inspect/text.ts";
import type { Plan, Step } from "./plan.ts";
import { isDeployed, settle, type Connection } from "./send.ts";

type Row = readonly [label: string, value: string];

const seconds = (value: number): string => `${value} s (${duration(value)})`;
const ether = (gwei: number): string => `${gwei} gwei (${formatUnits(BigInt(gwei), 9)} ETH)`;

/** Value with its unit, and what it means (contracts/interfaces/Types.sol). */
const PARAMETERS: Readonly<Record<keyof ParameterSet, (value: number) => string>> = {
  protocolFeeBps: (v) => `${v} bps (${v / 100} %): the treasury's share of each fee`,
  minWindow: (v) => `${seconds(v)}: shortest challenge window`,
  maxWindow: (v) => `${seconds(v)}: longest challenge window and answering period`,
  operatorClock: (v) => `${seconds(v)}: all of an operator's moves in one dispute`,
  challengerClock: (v) => `${seconds(v)}: all of a challenger's moves in one dispute`,
  challengerBondGwei: (v) => `${ether(v)}: least bond of a challenge`,
  selectDepositGwei: (v) => `${ether(v)}: least deposit of a select`,
  responseGas: (v) => `${v} gas: an operator's worst response, which bond and deposits must cover twice`,
  turnEthSeconds: (v) =>
    `${v} ether seconds: with S ether of stake, an operator's turn comes within ${v} / S seconds`,
};

export function parameterRows({ floorSeconds, parameters }: Plan["network"]): Row[] {
  return [
    ["floorSeconds", `${seconds(floorSeconds)}: least window and clock that can ever be set; immutable`],
    ...parameterSchema.keyof().options.map((name): Row => [name, PARAMETERS[name](parameters[name])]),
  ];
}

export interface Cost {
  /** What the transactions will use, by the chain's own estimates. */
  readonly gas: bigint;
  readonly gasPriceWei: bigint;
  /** With the highest price that is offered. */
  readonly maxWei: bigint;
  /** Contracts that are not there yet. */
  readonly missing: readonly string[];
}

/** @returns undefined: it is there. */
async function gasOf(
  ethers: Connection["ethers"],
  deployer: string,
  step: Step,
): Promise<bigint | undefined> {
  if (await isDeployed(ethers, step)) return undefined;
  try {
    return await ethers.provider.estimateGas(step.call);
  } catch (error) {
    // A transaction of a run that was interrupted may be on its way, and a second one of the same contract would fail.
    await settle(ethers, deployer);
    if (await isDeployed(ethers, step)) return undefined;
    throw error;
  }
}

/** Constructors call nothing, so each can be estimated before the others are there. */
export async function estimate({ ethers }: Connection, { steps, deployer }: Plan): Promise<Cost> {
  const { provider } = ethers;
  let gas = 0n;
  const missing: string[] = [];
  for (const step of steps) {
    const needed = await gasOf(ethers, deployer, step);
    if (needed === undefined) continue;
    missing.push(step.name);
    gas += needed;
  }
  const { gasPrice, maxFeePerGas } = await provider.getFeeData();
  const gasPriceWei = gasPrice ?? maxFeePerGas ?? 0n;
  return { gas, gasPriceWei, maxWei: gas * (maxFeePerGas ?? gasPriceWei), missing };
}

export interface Place {
  readonly networkName: string;
  readonly chainId: bigint;
  readonly height: number;
  readonly balanceWei: bigint;
  /** Transactions pay for data on another chain too. */
  readonly rollup: boolean;
}

export function reviewText(plan: Plan, cost: Cost, place: Place): string {
  const { adminDelaySeconds, deployer, admin, guardian, treasury } = plan;
  const fee = formatEther(cost.gas * cost.gasPriceWei);
  const rows: Row[] = [
    ["network", `${place.networkName}, chain ${place.chainId}, block ${place.height}`],
    ["deployer", `${deployer}, ${formatEther(place.balanceWei)} ETH`],
    [
      "admin",
      `${admin}: sets parameters within their bounds and grants roles, ${adminDelaySeconds === 0 ? "at once" : `${duration(adminDelaySeconds)} after announcing it`}`,
    ],
    ["guardian", `${guardian}: may pause new requests for up to 3 days, then not for 4 days`],
    ["treasury", `${treasury}: gets the protocol fees; immutable`],
    ["label", `${plan.label}: with the deployer, decides the addresses`],
    ...parameterRows(plan.network),
    ...plan.steps.map(({ name, address }): Row => [
      name,
      `${address}${cost.missing.includes(name) ? "" : " (is there)"}`,
    ]),
    ["gas", `${cost.gas} in ${cost.missing.length} transactions`],
    [
      "cost",
      `${fee} ETH at ${formatUnits(cost.gasPriceWei, 9)} gwei, at most ${formatEther(cost.maxWei)} ETH${place.rollup ? "; the rollup's fee for data comes on top unless its gas includes it" : ""}`,
    ],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join("\n");
}
