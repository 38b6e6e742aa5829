import { expect } from "chai";
import { Transaction, Wallet } from "ethers";
import { codeOf } from "../../test/failure.ts";
import { startSigner, type Lie, type TestSigner } from "../../test/signer.ts";
import { hex } from "../../../sdk/src/structs.ts";
import { remoteSigner } from "./remote.ts";
import { walletSigner, type UnsignedTransaction } from "./signer.ts";

/** Anvil's first two development keys; worthless. */
const KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const OTHER = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

const TRANSACTION: UnsignedTransaction = {
  chainId: 31337,
  nonce: 7,
  to: "0x00000000000000000000000000000000000Ec400",
  data: "0x0123456789abcdef",
  value: 123n,
  gasLimit: 100_000,
  maxFeePerGas: 30_000_000_000n,
  maxPriorityFeePerGas: 2_000_000_000n,
};

describe("remote signer", () => {
  const wallet = new Wallet(KEY);
  const address = hex.parse(wallet.address);
  let server: TestSigner;
  before(async () => {
    server = await startSigner(wallet);
  });
  beforeEach(() => {
    server.requests.length = 0;
    server.lie = () => undefined;
  });
  after(() => server.stop());

  const sign = (transaction = TRANSACTION): Promise<string> =>
    remoteSigner({ url: server.url, address, timeoutMs: 300 }).sign(transaction);

  it("signs the very bytes that the key in memory signs", async () => {
    const local = walletSigner(wallet);
    expect(local.address).to.equal(address);
    for (const transaction of [TRANSACTION, { ...TRANSACTION, nonce: 0, value: 0n, data: "0x" } as const])
      expect(await sign(transaction)).to.equal(await local.sign(transaction));
  });

  it("sends its address's credentials as a header, and says them to nobody", async () => {
    const { host } = new URL(server.url);
    const signer = remoteSigner({ url: `http://me:p%40ss@${host}`, address, timeoutMs: 300 });
    await signer.sign(TRANSACTION);
    expect(server.requests[0]?.authorization).to.equal(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
    const nowhere = remoteSigner({ url: "http://me:p%40ss@127.0.0.1:1", address, timeoutMs: 300 });
    const error: unknown = await nowhere.sign(TRANSACTION).catch((caught: unknown) => caught);
    expect(
      error instanceof Error && `${error.message} ${String(error.stack)} ${String(error.cause)}`,
    ).not.to.match(/p@ss|p%40ss|me:/);
  });

  it("takes clef's method and clef's form of answer", async () => {
    server.lie = (transaction, { method }) => {
      if (method === "eth_signTransaction")
        return JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code: -32601, message: "no such method" } });
      transaction.signature = wallet.signingKey.sign(transaction.unsignedHash);
      return JSON.stringify({ jsonrpc: "2.0", id: 1, result: { raw: transaction.serialized, tx: {} } });
    };
    expect(await sign()).to.equal(await walletSigner(wallet).sign(TRANSACTION));
    expect(server.requests.map(({ method }) => method)).to.deep.equal([
      "eth_signTransaction",
      "account_signTransaction",
    ]);
  });

  it("asks again when the signer fails for a moment", async () => {
    let failures = 2;
    server.lie = () => {
      if (failures-- > 0) throw new Error("not now");
      return undefined;
    };
    await sign();
    expect(server.requests.length).to.equal(3);
  });

  const otherFields: readonly [string, Partial<Transaction>][] = [
    ["to", { to: "0x000000000000000000000000000000000000dEaD" }],
    ["no to", { to: null }],
    ["value", { value: 124n }],
    ["data", { data: "0x0123456789abcdee" }],
    ["nonce", { nonce: 8 }],
    ["chainId", { chainId: 1n }],
    ["gasLimit", { gasLimit: 100_001n }],
    ["maxFeePerGas", { maxFeePerGas: 30_000_000_001n }],
    ["maxPriorityFeePerGas", { maxPriorityFeePerGas: 1_999_999_999n }],
    ["access list", { accessList: [{ address, storageKeys: [] }] }],
    ["type", { type: 1, gasPrice: 30_000_000_000n }],
  ];
  for (const [name, fields] of otherFields)
    it(`is not believed if it changes: ${name}`, async () => {
      server.lie = (transaction) => {
        const { chainId, nonce, to, data, value, gasLimit, maxFeePerGas, maxPriorityFeePerGas } = transaction;
        const fees = fields.type === 1 ? {} : { maxFeePerGas, maxPriorityFeePerGas };
        const asked = { type: 2, chainId, nonce, to, data, value, gasLimit, ...fees };
        const changed = Transaction.from({ ...asked, ...fields });
        changed.signature = wallet.signingKey.sign(changed.unsignedHash);
        return JSON.stringify({ jsonrpc: "2.0", id: 1, result: changed.serialized });
      };
      expect(await codeOf(sign())).to.equal("SIGNER_FAILED");
      expect(server.requests.length).to.equal(1);
    });

  const raw = (transaction: Transaction, key: string): string => {
    transaction.signature = new Wallet(key).signingKey.sign(transaction.unsignedHash);
    return transaction.serialized;
  };
  const answer = (result: unknown): string => JSON.stringify({ jsonrpc: "2.0", id: 1, result });
  const garbage: readonly [string, Lie][] = [
    ["another key's signature", (transaction) => answer(raw(transaction, OTHER))],
    ["no signature", (transaction) => answer(transaction.unsignedSerialized)],
    ["trailing bytes", (transaction) => answer(`${raw(transaction, KEY)}00`)],
    ["no bytes", () => answer("0x")],
    ["null", () => answer(null)],
    ["text", () => "<html>not found</html>"],
    ["nothing", () => ""],
    ["a refusal", () => JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code: -32000, message: "no" } })],
    ["megabytes", () => answer(`0x${"00".repeat(4 * 2 ** 20)}`)],
    ["silence", () => new Promise<string>(() => undefined)],
  ];
  for (const [name, lie] of garbage)
    it(`is not believed if it answers with ${name}`, async () => {
      server.lie = lie;
      expect(await codeOf(sign())).to.equal("SIGNER_FAILED");
    });

  it("gives up when the signer is down", async () => {
    server.lie = () => {
      throw new Error("down");
    };
    expect(await codeOf(sign())).to.equal("SIGNER_FAILED");
    expect(server.requests.length).to.equal(3);
  });
});
