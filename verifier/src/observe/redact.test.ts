import { expect } from "chai";
import { JsonRpcProvider, Network } from "ethers";
import { AssayError } from "../../../sdk/src/error.ts";
import { loggerTo, logError } from "../log.ts";
import { tidyLine } from "./redact.ts";

function logged(say: (log: ReturnType<typeof loggerTo>) => void): string {
  let text = "";
  say(loggerTo("trace", { write: (line) => (text += line) }));
  return text;
}

const SECRET = "s3cr3tK3y";
/** As owners write them. */
const ADDRESSES = [
  `https://mainnet.example.org/v3/${SECRET}`,
  `https://example.org:8545/?apikey=${SECRET}`,
  `https://user:${SECRET}@rpc.example.org/path`,
  `https://rpc.example.org/@${SECRET}`,
  `wss://example.org/ws/${SECRET}`,
  `postgres://assay:${SECRET}@db.example.org:5432/assay`,
  `postgres://assay:12#${SECRET}@db.example.org/assay`,
  `postgres://assay:12/${SECRET}@db.example.org/assay`,
  `postgresql://db.example.org/assay?password=${SECRET}`,
  `HTTPS://EXAMPLE.ORG/${SECRET}`,
  `https://exa mple/${SECRET}`.replace(" ", "%zz"),
  `https://hooks.example.org/services/T0/B0/${SECRET}#x`,
] as const;

describe("the log", () => {
  for (const address of ADDRESSES)
    it(`never writes the secrets of ${address.replace(SECRET, "…")}`, () => {
      const cause = new Error(`connect to ${address}, refused`);
      const text = logged((log) => {
        log.info(`endpoint (${address}).`);
        log.warn({ address, nested: { list: [address] } }, "fields");
        logError(log, cause, "foreign");
        logError(
          log,
          new AssayError("RPC_FAILED", `${address}: no`, { details: { address }, cause }),
          "ours",
        );
        log.error(cause, "as a whole");
        log.child({ address }).debug("child");
      });
      expect(text).not.to.include(SECRET);
      const lines = text.trimEnd().split("\n");
      expect(lines.length).to.equal(6);
      for (const line of lines) expect(() => void JSON.parse(line)).not.to.throw();
    });

  it("keeps scheme, host and port, and what is no secret", () => {
    expect(
      tidyLine('{"a":"https://u:p@h.org:1/x?y","b":"http://127.0.0.1:8600","c":"file:///m.onnx"}'),
    ).to.equal('{"a":"https://h.org:1/…","b":"http://127.0.0.1:8600","c":"file:///m.onnx"}');
    expect(tidyLine('{"a":"see https://h.org/x, then go"}')).to.equal('{"a":"see https://h.org/…, then go"}');
  });

  it("takes no time that grows faster than a line", () => {
    const hostile = [
      "https://" + ")".repeat(1_000_000) + "x",
      "https://".repeat(100_000),
      "https://a@".repeat(100_000),
    ];
    for (const address of hostile) expect(tidyLine(JSON.stringify({ address })).length).to.be.below(16_384);
  });

  it("never writes secret fields", () => {
    const text = logged((log) => {
      log.info({ password: SECRET, config: { privateKey: SECRET, deep: { apiKey: SECRET } } }, "all");
      log.child({ mnemonic: SECRET }).info("child");
    });
    expect(text).not.to.include(SECRET);
    expect(text.split("\n").length).to.equal(3);
  });

  it("never writes a blob", () => {
    const text = logged((log) => {
      log.info({ output: "ab".repeat(1_000_000) }, "text");
      log.info({ bytes: new Uint8Array(100_000) }, "bytes");
      log.info({ list: Array.from({ length: 100_000 }, (_, i) => i) }, "list");
      log.info("message ".repeat(100_000));
    });
    const lines = text.trimEnd().split("\n");
    expect(lines.length).to.equal(4);
    for (const line of lines) {
      expect(line.length).to.be.at.most(16_384);
      expect(() => void JSON.parse(line)).not.to.throw();
    }
    expect(JSON.parse(lines[0] ?? "")).to.include({ level: "info", msg: "text" });
  });

  it("has a constant msg and the error's code, reason and details as fields", () => {
    const [line = ""] = logged((log) =>
      logError(
        log,
        new AssayError("CHAIN_MOVED", "gone", { retryable: true, details: { block: 3 } }),
        "following the chain failed",
      ),
    ).split("\n");
    expect(JSON.parse(line)).to.deep.include({
      level: "warn",
      msg: "following the chain failed",
      code: "CHAIN_MOVED",
      reason: "gone",
      details: { block: 3 },
    });
  });

  it("does not show a real client's endpoint when it fails", async () => {
    const network = Network.from(1);
    const provider = new JsonRpcProvider(`http://127.0.0.1:9/${SECRET}`, network, { staticNetwork: network });
    const error: unknown = await provider.getBlockNumber().catch((e: unknown) => e);
    provider.destroy();
    expect(error).to.be.instanceOf(Error);
    expect(
      logged((log) => {
        logError(log, error, "read");
        log.error(error, "read");
      }),
    ).not.to.include(SECRET);
  });
});
