/** The tables of docs/economics.md: the contracts' rules and the node's reckoning, worked out for the digit classifier at stated prices. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { formatEther, parseEther } from "ethers";
import { networkParameters } from "../../scripts/networks.ts";
import { quoteOf } from "../../sdk/src/offer.ts";
import { ZERO_HASH, type Release } from "../../sdk/src/structs.ts";
import { answerCost, bondFloor } from "../../verifier/src/economics/answer.ts";
import { estimateChallenge, stakesAt } from "../../verifier/src/economics/challenge.ts";
import { grossFee, netFee } from "../../verifier/src/economics/fees.ts";
import { offerFor } from "../../verifier/src/economics/offers.ts";
import { shareDown } from "../../verifier/src/economics/share.ts";
import { describeModel, type ModelDescription } from "../../verifier/src/releases/describe.ts";
import { releaseOf } from "../../verifier/src/releases/release.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const ROYALTY_BPS = 500;
const CALLBACK_GAS = 200_000;
const FEE = parseEther("0.01");

interface Prices {
  readonly chainId: bigint;
  /** Wei per gas. */
  readonly baseFee: bigint;
  readonly tip: bigint;
}

/** 10 and 1 gwei; a hundredth and a thousandth of one. */
const LAYER_1: Prices = { chainId: 1n, baseFee: 10_000_000_000n, tip: 1_000_000_000n };
const ROLLUP: Prices = { chainId: 8453n, baseFee: 10_000_000n, tip: 1_000_000n };

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
}

function gas(amount: number): string {
  return amount.toLocaleString("en");
}

function ether(wei: bigint): string {
  return Number(formatEther(wei)).toLocaleString("en", {
    maximumSignificantDigits: 4,
    maximumFractionDigits: 18,
  });
}

function measured(file: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, "test", file), "utf8"));
}

let known: { readonly model: ModelDescription; readonly release: Release } | undefined;
function digits(): { readonly model: ModelDescription; readonly release: Release } {
  if (known === undefined) {
    const model = describeModel(
      new Uint8Array(readFileSync(join(ROOT, "examples/models/digits/digits.onnx"))),
      {},
    );
    const options = { contentUri: "", atol: 0, rtol: 0, royaltyBps: ROYALTY_BPS };
    known = { model, release: releaseOf(model, 1n, options) };
  }
  return known;
}

function feePerGas({ baseFee, tip }: Prices): bigint {
  return baseFee + tip;
}

function sharesOn({ chainId }: Prices): { readonly royaltyBps: number; readonly protocolFeeBps: number } {
  return { royaltyBps: ROYALTY_BPS, protocolFeeBps: networkParameters(chainId).parameters.protocolFeeBps };
}

function feeTable(): string {
  const { royaltyBps, protocolFeeBps } = sharesOn(LAYER_1);
  const part = (bps: number): bigint => (FEE * BigInt(bps)) / 10_000n;
  return tableOf(
    ["of a fee of", `${ether(FEE)} ETH`],
    [
      [`the model, royalty ${royaltyBps / 100} %`, ether(part(royaltyBps))],
      [`the protocol, ${protocolFeeBps / 100} %`, ether(part(protocolFeeBps))],
      ["the operator", ether(netFee(FEE, sharesOn(LAYER_1)))],
    ],
  );
}

function answerTable(): string {
  const { release } = digits();
  const { "128B": cycle } = measured("gas.snapshot.json") as { "128B": { request: number } };
  const costs = (callbackGas: number) => (prices: Prices) =>
    answerCost(release, callbackGas, { feePerGas: feePerGas(prices), runSeconds: 0 });
  const line = (what: string, used: string, wei: (prices: Prices) => bigint): string[] => [
    what,
    used,
    ...[LAYER_1, ROLLUP].map((prices) => ether(wei(prices))),
  ];
  const rows = [
    line(
      "`request`, 128 bytes, paid by who asks",
      gas(cycle.request),
      (prices) => BigInt(cycle.request) * feePerGas(prices),
    ),
    ...[0, CALLBACK_GAS].flatMap((callbackGas) => {
      const cost = costs(callbackGas);
      const which = callbackGas === 0 ? "without callback" : `with a callback of ${gas(callbackGas)} gas`;
      return [
        line(`answering it ${which}`, gas(cost(LAYER_1).gas), (prices) => cost(prices).totalWei),
        line("… the least fee that pays for that", "", (prices) =>
          grossFee(cost(prices).totalWei, sharesOn(prices)),
        ),
        line("… the fee that `--min-fee auto` quotes", "", (prices) => quoteAt(prices, callbackGas)),
      ];
    }),
  ];
  return tableOf(["", "gas", "layer 1, ETH", "rollup, ETH"], rows);
}

function quoteAt(prices: Prices, callbackGas: number): bigint {
  const { parameters } = networkParameters(prices.chainId);
  const facts = { parameters: BigInt(parameters.protocolFeeBps), runSeconds: 0, tip: prices.tip };
  const offer = offerFor(ZERO_HASH, digits().release, { serve: "all", minFee: "auto" }, facts);
  const quote = quoteOf(offer, prices.baseFee, callbackGas);
  if (quote === undefined) throw new Error("no quote");
  return quote;
}

function bondFloorAt({ chainId, baseFee }: Prices): bigint {
  return bondFloor(digits().release, networkParameters(chainId).parameters, baseFee);
}

function challengeOn(prices: Prices) {
  const { release, model } = digits();
  const { parameters: rules } = networkParameters(prices.chainId);
  const facts = { release, rules, bondWei: bondFloorAt(prices), entries: 0, rounds: model.disputeRounds };
  return estimateChallenge({ ...facts, baseFee: prices.baseFee, feePerGas: feePerGas(prices) });
}

function delayHours({ chainId }: Prices): number {
  const { operatorClock, challengerClock } = networkParameters(chainId).parameters;
  return (operatorClock + challengerClock) / 3600;
}

function disputeTable(): string {
  const { release } = digits();
  const { threeTransactions } = measured("disputes.digits.snapshot.json") as { threeTransactions: number };
  const stakes = ({ chainId, baseFee }: Prices) => stakesAt(networkParameters(chainId).parameters, baseFee);
  const { responseGas } = networkParameters(1n).parameters;
  const line = (what: string, used: string, wei: (prices: Prices) => bigint): string[] => [
    what,
    used,
    ...[LAYER_1, ROLLUP].map((prices) => ether(wei(prices))),
  ];
  return tableOf(
    ["", "gas", "layer 1, ETH", "rollup, ETH"],
    [
      line("least bond of the operator, B", "", bondFloorAt),
      line("first challenger's share of it, B/4", "", (prices) => shareDown(bondFloorAt(prices), 0)),
      line("what a liar loses at least, B/2", "", (prices) => bondFloorAt(prices) / 2n),
      line(
        "longest dispute, for the challenger",
        gas(release.disputeGas),
        (prices) => challengeOn(prices).costWei,
      ),
      line(
        "shortest dispute, both sides",
        gas(threeTransactions),
        (prices) => BigInt(threeTransactions) * feePerGas(prices),
      ),
      line("bond of a challenger, C", "", (prices) => stakes(prices).bondWei),
      line("deposit of each `select`", "", (prices) => stakes(prices).depositWei),
      line("most that a challenger locks in a game", "", (prices) => challengeOn(prices).lockWei),
      [
        "most that challengers delay an answer",
        "",
        ...[LAYER_1, ROLLUP].map((prices) => `${delayHours(prices)} h`),
      ],
      line(
        "operator's worst response",
        gas(responseGas),
        (prices) => BigInt(responseGas) * feePerGas(prices),
      ),
    ],
  );
}

function sharesTable(): string {
  const bond = parseEther("1");
  const rows = [1, 2, 3, 10].map((entries) => {
    const shares = Array.from({ length: entries }, (_, entry) => shareDown(bond, entry));
    const paid = shares.reduce((a, b) => a + b, 0n);
    return [String(entries), ether(shares.at(-1) ?? 0n), ether(paid), ether(bond - paid)];
  });
  return tableOf(["challengers", "the last one's share", "all shares", "burned"], rows);
}

/** B/2 * (1 - q) >= V * q. */
function boundTable(): string {
  const worth = [1, 10, 100];
  const rows = [0.001, 0.01, 0.1].map((q) => [
    `${(q * 100).toLocaleString("en")} %`,
    ...worth.map((v) => ((2 * v * q) / (1 - q)).toLocaleString("en", { maximumSignificantDigits: 3 })),
  ]);
  return tableOf(["q", ...worth.map((v) => `V = ${v} ETH`)], rows);
}

function stakeTable(): string {
  const hours = ({ chainId }: Prices): number => networkParameters(chainId).parameters.minWindow / 3600;
  const rows = [1, 10, 100].map((perHour) => [
    String(perHour),
    ...[LAYER_1, ROLLUP].map((prices) => ether(bondFloorAt(prices) * BigInt(perHour * hours(prices)))),
  ]);
  const head = [LAYER_1, ROLLUP].map(
    (prices, k) => `${k === 0 ? "layer 1" : "rollup"}, window ${hours(prices)} h, ETH`,
  );
  return tableOf(["answers an hour", ...head], rows);
}

export const ECONOMY_TABLES: Readonly<Record<string, () => string>> = {
  fee: feeTable,
  answer: answerTable,
  dispute: disputeTable,
  shares: sharesTable,
  bound: boundTable,
  stake: stakeTable,
};
