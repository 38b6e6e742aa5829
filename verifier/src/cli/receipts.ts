/** Settings of answers over HTTP. */
import { Option, type Command } from "commander";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Signer } from "../chain/signer.ts";
import { lowerHex } from "../lowerHex.ts";
import { offeredReleases } from "../roles/announcer.ts";
import { ANSWERS } from "../serve/answerer.ts";
import { digestSigner, type DigestSigner } from "../serve/digests.ts";
import type { ReceiptOptions } from "../serve/door.ts";
import { DEFAULTS, type Config } from "./config.ts";
import { answerTerms } from "./economy.ts";
import { etherOf, SETTINGS } from "./session.ts";
import { openSigner } from "./signer.ts";

export function withReceipts(command: Command): Command {
  return command
    .optionsGroup(SETTINGS)
    .option(
      "--receipt-price <ether>",
      "operator: answer --serve over HTTP too, for signed receipts, at this price (default: do not)",
    )
    .option(
      "--receipt-bond-class <n>",
      `operator: a wrong receipt costs 0.001 ether times 2^n of the reserve (default ${DEFAULTS.receiptBondClass})`,
      Number,
    )
    .addOption(
      new Option(
        "--receipt-answers <by>",
        `operator: float answers confirmed by the exact interpreter, or onnxruntime's alone at your risk (default ${DEFAULTS.receiptAnswers})`,
      ).choices(ANSWERS),
    )
    .option(
      "--receipt-keystore <file>",
      "operator: the key that signs receipts, with the same password (default: the node's)",
    )
    .option(
      "--redeem-from <ether>",
      `operator: redeem vouchers once they are worth this together (default ${DEFAULTS.redeemFrom})`,
    )
    .option(
      "--anchor-hours <n>",
      "operator: publish a root of all receipts of each so many hours, by which anybody can hold you to them (default: do not)",
      Number,
    )
    .optionsGroup("Options:");
}

async function signerOf(config: Config, signer: Signer): Promise<DigestSigner> {
  const { receiptKeystore, passwordFile } = config;
  const own =
    receiptKeystore === undefined
      ? signer
      : await openSigner({
          keystore: receiptKeystore,
          ...(passwordFile === undefined ? {} : { passwordFile }),
        });
  if (own.privateKey !== undefined) return digestSigner(own.privateKey);
  throw new AssayError(
    "BAD_CONFIG",
    "a remote signer is too slow for receipts: give them a key of their own, --receipt-keystore (`assay key new` makes one)",
  );
}

/**
 * @returns undefined if no answers are given over HTTP.
 * @throws {AssayError} BAD_CONFIG
 */
export async function receiptOptions(config: Config, signer: Signer): Promise<ReceiptOptions | undefined> {
  const { receiptPrice, receiptPrices = {} } = config;
  const named = Object.keys(receiptPrices).map(lowerHex);
  if (receiptPrice === undefined && named.length === 0) return undefined;
  const served = receiptPrice === undefined ? [] : offeredReleases(answerTerms(config));
  const releases = [...new Set([...served, ...named])];
  if (releases.length === 0)
    throw new AssayError(
      "BAD_CONFIG",
      "answers over HTTP are for releases that you name: give --serve, or receiptPrices in the configuration file",
    );
  return {
    releases,
    priceWei: etherOf(receiptPrice ?? "0", "the price of a receipt"),
    prices: new Map(
      Object.entries(receiptPrices).map(
        ([id, text]) => [id.toLowerCase(), etherOf(text, `the price of ${id}`)] as const,
      ),
    ),
    bondClass: config.receiptBondClass ?? DEFAULTS.receiptBondClass,
    answers: config.receiptAnswers ?? DEFAULTS.receiptAnswers,
    signer: await signerOf(config, signer),
    anchorSeconds: config.anchorHours === undefined ? undefined : 3600 * config.anchorHours,
    redeemFromWei: etherOf(config.redeemFrom ?? DEFAULTS.redeemFrom, "what vouchers are redeemed from"),
  };
}
