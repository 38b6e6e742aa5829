/** The worked numbers of verifier/README.md, computed. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { formatEther } from "ethers";
import { networkParameters } from "../../../scripts/networks.ts";
import { quoteOf } from "../../../sdk/src/offer.ts";
import { ZERO_HASH, type Release } from "../../../sdk/src/structs.ts";
import { exampleModel } from "../../test/world.ts";
import { describeModel } from "../releases/describe.ts";
import { releaseOf } from "../releases/publish.ts";
import { answerCost } from "./answer.ts";
import { estimateChallenge } from "./challenge.ts";
import { grossFee } from "./fees.ts";
import { offerFor } from "./offers.ts";

const GWEI = 10n ** 9n;
const BASE_FEE = 10n * GWEI;
const TIP = GWEI;
const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

function shown(value: bigint | number): string {
  return typeof value === "bigint" ? `${formatEther(value)} ETH` : value.toLocaleString("en-US");
}

describe("the worked numbers of the README", () => {
  const model = describeModel(exampleModel("digits"), {});
  const options = { contentUri: "", atol: 0, rtol: 0, royaltyBps: 500 };
  const release: Release = releaseOf(model, 1n, options);
  const { parameters: rules } = networkParameters(1n);
  const shares = { royaltyBps: 500, protocolFeeBps: rules.protocolFeeBps };
  const now = { feePerGas: BASE_FEE + TIP, runSeconds: 0 };

  const cases: Record<string, () => readonly (bigint | number)[]> = {
    "of an answer": () =>
      [0, 200_000].flatMap((callbackGas) => {
        const { gas, totalWei } = answerCost(release, callbackGas, now);
        return [gas, totalWei, grossFee(totalWei, shares)];
      }),
    "of a quote": () => {
      const facts = { parameters: BigInt(rules.protocolFeeBps), runSeconds: 0, tip: TIP };
      const offer = offerFor(ZERO_HASH, release, { serve: "all", minFee: "auto" }, facts);
      return [
        offer.gasPercent,
        ...[0, 200_000].map((callbackGas) => quoteOf(offer, BASE_FEE, callbackGas) ?? -1n),
      ];
    },
    "of a challenge": () => {
      const bondWei = 8n * BigInt(release.disputeGas) * BASE_FEE;
      const facts = { release, rules, bondWei, entries: 0, baseFee: BASE_FEE, feePerGas: BASE_FEE + TIP };
      const { rewardWei, costWei, lockWei } = estimateChallenge({ ...facts, rounds: model.disputeRounds });
      return [release.disputeGas, bondWei, rewardWei, costWei, lockWei];
    },
  };
  for (const [what, figures] of Object.entries(cases))
    it(`are those ${what}`, () => {
      for (const figure of figures()) expect(README).to.include(shown(figure));
    });
});
