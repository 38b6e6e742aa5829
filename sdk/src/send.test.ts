import { expect } from "chai";
import { JsonRpcProvider } from "ethers";
import { serve, type Served } from "../../scripts/serve.ts";
import { failureOf } from "../../verifier/test/failure.ts";
import { AssayError } from "./error.ts";
import { reading } from "./send.ts";

describe("reading from an endpoint", () => {
  let silent: Served;
  let provider: JsonRpcProvider;

  before(async () => {
    silent = await serve(() => undefined);
    provider = new JsonRpcProvider(silent.url, 1, { staticNetwork: true });
  });
  after(async () => {
    provider.destroy();
    await silent.close();
  });

  it("ends when it is silent, with an error that says so", async () => {
    const error = await failureOf(reading("eth_blockNumber", provider.getBlockNumber(), 200));
    if (!(error instanceof AssayError)) throw new Error("it did not end");
    expect([error.code, error.retryable]).to.deep.equal(["RPC_FAILED", true]);
    expect(error.message).to.equal("eth_blockNumber: the endpoint did not answer within 0.2 s");
  });

  it("gives what comes in time, and what a call fails with", async () => {
    expect(await reading("x", Promise.resolve(3), 200)).to.equal(3);
    const error = await failureOf(reading("x", Promise.reject(new Error("no")), 200));
    expect(error).to.be.an.instanceOf(AssayError).with.property("message", "x: no");
  });
});
