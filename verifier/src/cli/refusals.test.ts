/** What commands refuse before they ask a chain, a key or anybody. */
import { Command } from "commander";
import { expect } from "chai";
import { join } from "node:path";
import { failureOf } from "../../test/failure.ts";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { ZERO_ADDRESS, ZERO_HASH } from "../../../sdk/src/structs.ts";
import { addDeposit } from "./deposit.ts";
import { addModel } from "./model.ts";
import { addRequest } from "./request.ts";
import { addReserve } from "./reserve.ts";
import { addStake } from "./stake.ts";

const FILE = join(import.meta.dirname, "../../../examples/models/digits/digits.onnx");
/** No settings: nothing of whoever runs the tests is used, whatever is not refused. */
const NOBODY = ["--config", join(import.meta.dirname, "nobody.json")];

async function refusalOf(args: readonly string[]): Promise<string> {
  const program = new Command().exitOverride();
  for (const add of [addDeposit, addModel, addRequest, addReserve, addStake]) add(program);
  const error = await failureOf(program.parseAsync([...args, ...NOBODY], { from: "user" }));
  return `${error instanceof AssayError ? error.code : "other"}: ${messageOf(error)}`;
}

describe("commands refuse", () => {
  for (const [why, ...args] of [
    ["the stake is more than 0", "stake", "0"],
    ["the amount is more than 0", "unstake", "0.0"],
    ["the reserve is more than 0", "reserve", "add", "0"],
    ["the deposit is more than 0", "deposit", "add", ZERO_ADDRESS, "0"],
    ["--bond is more than 0", "request", ZERO_HASH, "--bond", "0"],
    ["--bond is at most", "request", ZERO_HASH, "--bond", "9".repeat(36)],
    ["--fee is at most", "request", ZERO_HASH, "--fee", "9".repeat(99)],
    ["no address of a file", "model", "announce", ZERO_HASH, "notauri"],
    ["no address of a file", "model", "publish", FILE, "--uri", ""],
    ["a royalty is", "model", "publish", FILE, "--royalty", "5001"],
    ["tolerances are", "model", "publish", FILE, "--atol", "1e60"],
    ["0 as a float32", "model", "publish", FILE, "--rtol", "1e-60"],
  ] as const)
    it(args.map((text) => (text.length > 20 ? "..." : text)).join(" "), async () => {
      expect(await refusalOf(args))
        .to.match(/^BAD_CONFIG/)
        .and.include(why);
    });
});
