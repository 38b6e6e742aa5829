/** Settings of what a node answers, challenges and announces, and at which price. */
import type { Command } from "commander";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { baseUrl } from "../../../sdk/src/operators.ts";
import type { AnswerTerms, MinFee } from "../economics/answer.ts";
import { offeredReleases } from "../roles/announcer.ts";
import type { VerifierOptions } from "../roles/verifier.ts";
import type { Config } from "./config.ts";
import { etherOf, idOf, SETTINGS } from "./session.ts";

export function withEconomy(command: Command): Command {
  return command
    .optionsGroup(SETTINGS)
    .option(
      "--min-fee <ether>",
      'operator: leave cheaper requests to others; "auto": what answering costs (default auto)',
    )
    .option(
      "--compute-price <ether>",
      "operator: what a second of the exact interpreter costs, for auto (default 0)",
    )
    .option("--max-bond <ether>", "operator: most to bond for one answer (default: all stake)")
    .option(
      "--max-exposure <ether>",
      "operator: most to bond at once in answers that can be challenged (default: all stake)",
    )
    .option("--verify <release...>", "verifier: the releases to check (default: all)")
    .option(
      "--challenge <when>",
      'verifier: challenge wrong answers when it is "paying", or "always" (default paying)',
    )
    .option("--bankroll <ether>", "verifier: most to lock in challenges at once (default: all stake)")
    .option("--public-url <url...>", "where others reach this node, for the directory")
    .option("--announce", "keep the directory in step with --public-url, --serve and prices (default)")
    .option("--no-announce", "leave the directory as it is")
    .optionsGroup("Options:");
}

function minFeeOf(text: string, what: string): MinFee {
  return text === "auto" ? "auto" : etherOf(text, what);
}

/** @throws {AssayError} BAD_CONFIG */
export function answerTerms(config: Config): AnswerTerms {
  const prices = Object.entries(config.prices ?? {}).map(
    ([id, text]) => [id.toLowerCase(), minFeeOf(text, `the price of ${id}`)] as const,
  );
  const { computePrice, maxBond, maxExposure } = config;
  return {
    serve: config.serve?.map((id): Hex => idOf(id, "a release")) ?? "all",
    minFee: minFeeOf(config.minFee ?? "auto", "the least fee"),
    prices: new Map(prices),
    ...(computePrice === undefined
      ? {}
      : { computeWeiPerSecond: etherOf(computePrice, "the compute price") }),
    ...(maxBond === undefined ? {} : { maxBond: etherOf(maxBond, "the largest bond") }),
    ...(maxExposure === undefined ? {} : { maxExposure: etherOf(maxExposure, "the exposure") }),
  };
}

/** @throws {AssayError} BAD_CONFIG */
export function challengeTerms(config: Config): Pick<VerifierOptions, "verify" | "challenge" | "bankroll"> {
  const { verify, challenge, bankroll } = config;
  return {
    ...(verify === undefined ? {} : { verify: verify.map((id) => idOf(id, "a release")) }),
    ...(challenge === undefined ? {} : { challenge }),
    ...(bankroll === undefined ? {} : { bankroll: etherOf(bankroll, "the bankroll") }),
  };
}

/**
 * What the node keeps the directory in step with; undefined if it has nothing to say there.
 * @throws {AssayError} BAD_CONFIG
 */
export function announcement(
  { publicUrl = [], announce = true }: Config,
  terms: AnswerTerms | undefined,
): { readonly endpoints: readonly string[] } | undefined {
  const endpoints = publicUrl.map((text) => {
    const url = baseUrl(text);
    if (url !== undefined) return url;
    throw new AssayError("BAD_CONFIG", `a public URL is http(s)://host[:port][/path], not "${text}"`);
  });
  const offers = terms === undefined ? [] : offeredReleases(terms);
  return announce && endpoints.length + offers.length > 0 ? { endpoints } : undefined;
}
