import { expect } from "chai";
import { AssayError } from "../error.ts";
import { MAX_WEI, ZERO_ADDRESS, ZERO_HASH } from "../structs.ts";
import { IReceipts__factory } from "../typechain.ts";
import { parseReceiptFile } from "./check.ts";
import { fromHeader, paymentSchema, SCHEME, termsSchema, toHeader, X402_VERSION } from "./wire.ts";

describe("what clients and operators say to each other", () => {
  function read(amounts: { readonly priceWei?: bigint; readonly totalWei?: bigint }): unknown {
    const { priceWei = 1n, totalWei = 1n } = amounts;
    const hashes = { releaseId: ZERO_HASH, inputsRoot: ZERO_HASH };
    const order = {
      ...hashes,
      client: ZERO_ADDRESS,
      operator: ZERO_ADDRESS,
      priceWei,
      nonce: 1n,
      expiresAt: 1,
    };
    const said = {
      x402Version: X402_VERSION,
      accepted: { scheme: SCHEME, network: "eip155:1" },
      payload: { order, totalWei, signature: "0x" },
    };
    return fromHeader(paymentSchema, "payment", toHeader(said)).payload;
  }

  it("has no amounts that the contracts have no room for", () => {
    expect(read({ priceWei: MAX_WEI, totalWei: MAX_WEI })).to.deep.include({ totalWei: MAX_WEI });
    for (const amounts of [{ totalWei: MAX_WEI + 1n }, { priceWei: MAX_WEI + 1n }])
      expect(() => read(amounts))
        .to.throw(AssayError, /no contract can hold/)
        .with.property("code", "BAD_PAYMENT");
  });

  it("is refused in few words if it is no receipt", () => {
    expect(() => parseReceiptFile("{}")).to.throw(
      AssayError,
      /^not a receipt file: ✖ [^\n]*\n {2}→ at [^"{[]*$/,
    );
  });

  it("has keys that can be asked about, however an operator spells them", () => {
    const hashes = { releaseId: ZERO_HASH, receipts: ZERO_ADDRESS, deposits: ZERO_ADDRESS };
    const misspelt = `0x${"aB".repeat(20)}`;
    const { extra } = termsSchema.parse({
      ...{ scheme: SCHEME, network: "eip155:1", asset: ZERO_ADDRESS, amount: "1", payTo: ZERO_ADDRESS },
      ...{ maxTimeoutSeconds: 600, extra: { ...hashes, key: misspelt, bondClass: 0 } },
    });
    const data = IReceipts__factory.createInterface().encodeFunctionData("keyOf", [extra.key]);
    expect(data).to.match(/(ab){20}$/);
  });
});
