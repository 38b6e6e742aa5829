import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { JsonRpcProvider } from "ethers";
import { AssayError } from "./error.ts";
import { reading } from "./send.ts";

describe("reading from an endpoint", () => {
  let silent: Server;
  let provider: JsonRpcProvider;

  before(async () => {
    silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    provider = new JsonRpcProvider(`http://127.0.0.1:${port}`, 1, { staticNetwork: true });
  });
  after(() => {
    provider.destroy();
    silent.closeAllConnections();
    silent.close();
  });

  it("ends when it is silent, with an error that says so", async () => {
    const error: unknown = await reading("eth_blockNumber", provider.getBlockNumber(), 200).catch(
      (e: unknown) => e,
    );
    if (!(error instanceof AssayError)) throw new Error("it did not end");
    expect([error.code, error.retryable]).to.deep.equal(["RPC_FAILED", true]);
    expect(error.message).to.equal("eth_blockNumber: the endpoint did not answer within 0.2 s");
  });

  it("gives what comes in time, and what a call fails with", async () => {
    expect(await reading("x", Promise.resolve(3), 200)).to.equal(3);
    const error: unknown = await reading("x", Promise.reject(new Error("no")), 200).catch((e: unknown) => e);
    expect(error).to.be.an.instanceOf(AssayError).with.property("message", "x: no");
  });
});
