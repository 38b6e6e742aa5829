import { expect } from "chai";
import { JsonRpcProvider } from "ethers";
import { serve } from "../../scripts/serve.ts";
import { chainTime } from "./answer.ts";
import { AssayError } from "./error.ts";
import { readLogs } from "./logs.ts";

describe("reading from an endpoint that fails", () => {
  it("throws our own error, which says that it may be tried again", async () => {
    const server = await serve((_request, response) => {
      response.end("<html>bad gateway</html>");
    });
    const provider = new JsonRpcProvider(server.url, 1, { staticNetwork: true });
    try {
      const filter = { address: `0x${"11".repeat(20)}`, topics: [] };
      for (const read of [() => readLogs(provider, filter, 0), () => chainTime(provider)]) {
        const error = await read().then(
          () => undefined,
          (failure: unknown) => failure,
        );
        expect(error).to.be.instanceOf(AssayError).with.property("code", "RPC_FAILED");
        expect(error).to.have.property("retryable", true);
      }
    } finally {
      provider.destroy();
      await server.close();
    }
  });
});
