import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { randomBytes, toBeHex } from "ethers";
import { connect, checkChain } from "../../../sdk/src/contracts.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { disputeIdOf, nodeKeyOf, releaseIdOf, requestIdOf, resultIdOf } from "../../../sdk/src/ids.ts";
import { unpackParameters } from "../../../sdk/src/parameters.ts";
import { makeAsk, parseRequested } from "../../../sdk/src/request.ts";
import { revertName } from "../../../sdk/src/revert.ts";
import { toHex, type Hex, type Node } from "../../../sdk/src/structs.ts";
import { codeOf } from "../../test/failure.ts";
import { soon } from "../../test/until.ts";
import {
  exampleModel,
  publishFile,
  startWorld,
  testLog,
  type PublishedModel,
  type World,
} from "../../test/world.ts";
import { openDatabase } from "../state/database.ts";
import { openLogs } from "../state/logs.ts";
import { createSender } from "./send.ts";
import { walletSigner } from "./signer.ts";
import { rpcSource } from "./source.ts";
import { createMirror } from "./mirror.ts";

function random32(): Hex {
  return toHex(randomBytes(32));
}

describe("on a real chain", function () {
  this.timeout(60_000);
  let world: World;
  let digits: PublishedModel;

  before(async () => {
    world = await startWorld({ blockSeconds: 0 });
    digits = await publishFile(world, exampleModel("digits"));
  });
  after(() => world.stop());

  it("computes the ids that the contracts compute", async () => {
    const { contracts, deployment, chain } = world;
    const { registry, market, game } = contracts;
    expect(await registry.releaseIdOf(digits.release)).to.equal(releaseIdOf(digits.release));
    const ask = await makeAsk(contracts, toHex(randomBytes(20)), { releaseId: digits.releaseId });
    const sent = await market.request(ask, new Uint8Array(64), { value: 5n });
    const receipt = await sent.wait();
    if (receipt === null) throw new Error("no receipt");
    const { requestId, request } = parseRequested(contracts, receipt);
    expect(requestIdOf(31337, deployment.addresses.market, request)).to.equal(requestId);
    expect(await market.requestIdOf(request)).to.equal(requestId);
    const operator = toHex(randomBytes(20));
    const outputHash = random32();
    expect(await market.resultIdOf(requestId, operator, outputHash)).to.equal(
      resultIdOf(requestId, operator, outputHash),
    );
    expect(await game.disputeIdOf(outputHash, operator)).to.equal(disputeIdOf(outputHash, operator));
    const node: Node = { hash: random32(), tensor: true, height: 7, instruction: 4_000_000_000, index: 123 };
    expect(await game.nodeKeyOf(node)).to.equal(nodeKeyOf(node));
    const set = await market.parameters();
    const unpacked = Object.values(unpackParameters(request.parameters)).map(BigInt);
    expect(unpacked).to.deep.equal([...set]);
    await checkChain(deployment, chain.provider);
  });

  it("knows the wrong chain and the missing deployment", async () => {
    const { deployment, chain } = world;
    expect(await codeOf(checkChain({ ...deployment, chainId: 5 }, chain.provider))).to.equal("WRONG_CHAIN");
    const market = toHex(randomBytes(20));
    const moved = { ...deployment, addresses: { ...deployment.addresses, market } };
    expect(await codeOf(checkChain(moved, chain.provider))).to.equal("BAD_DEPLOYMENT");
  });

  it("follows the chain through a reorganisation", async () => {
    const { chain, contracts, deployment, endpoints } = world;
    const { registry, market, game } = deployment.addresses;
    const stop = new AbortController();
    const source = rpcSource(endpoints, [registry, market, game]);
    const folder = mkdtempSync(join(tmpdir(), "assay-mirror-"));
    const database = await openDatabase({ directory: folder });
    const store = await openLogs(database, { deployment: "test", fromBlock: deployment.block, depth: 64 });
    const reorgs: number[] = [];
    const mirror = createMirror({
      deployment,
      source,
      store,
      account: "0x",
      log: testLog,
      finality: 64,
      pollMs: 20,
      signal: stop.signal,
      onHead: () => undefined,
      onReorg: (blocks) => reorgs.push(blocks),
      onForgotten: () => undefined,
    });
    const reading = mirror.run();

    async function ask(): Promise<bigint> {
      const made = await makeAsk(contracts, toHex(randomBytes(20)), { releaseId: digits.releaseId });
      await (await contracts.market.request(made, new Uint8Array(64), { value: 1n })).wait();
      return made.nonce;
    }
    async function caughtUp(): Promise<void> {
      const number = await chain.provider.getBlockNumber();
      await soon(() => mirror.head?.number === number);
    }
    const nonces = (): Set<bigint> =>
      new Set([...mirror.state.requests.values()].map(({ request }) => request.nonce));

    const stays = await ask();
    const snapshot: unknown = await chain.provider.send("evm_snapshot", []);
    const [undone, undoneToo] = [await ask(), await ask()];
    await caughtUp();
    for (const nonce of [stays, undone, undoneToo]) expect(nonces().has(nonce)).to.equal(true);

    await chain.provider.send("evm_revert", [snapshot]);
    // Another sender, so that other blocks follow.
    await (await connect(deployment, chain.wallet(4)).vault.deposit({ value: 1n })).wait();
    const fresh = await ask();
    await chain.provider.send("anvil_mine", [toBeHex(3)]);
    await caughtUp();
    stop.abort();
    await reading;
    await database.destroy();
    rmSync(folder, { recursive: true });
    expect(reorgs.length).to.equal(1);
    expect(nonces().has(stays) && nonces().has(fresh)).to.equal(true);
    expect(nonces().has(undone) || nonces().has(undoneToo)).to.equal(false);
    expect(mirror.state.releases.get(digits.releaseId)?.release).to.deep.equal(digits.release);
  });

  it("names the contract's error instead of sending what would revert", async () => {
    const { chain, contracts, deployment } = world;
    const { provider } = chain;
    const wallet = chain.wallet(7);
    const signer = walletSigner(wallet);
    const sender = createSender({ signer, provider, chainId: deployment.chainId, log: testLog, pollMs: 20 });
    const data = contracts.vault.interface.encodeFunctionData("withdraw", [10n, wallet.address]);
    const error: unknown = await sender
      .send({ key: "withdraw", label: "withdraw", to: deployment.addresses.vault, data })
      .catch((caught: unknown) => caught);
    expect(revertName(error)).to.equal("InsufficientFree");
    expect(error instanceof AssayError && error.details["args"]).to.include("neededWei: 10");
    expect(await provider.getTransactionCount(wallet.address)).to.equal(0);
    await sender.close();
  });
});
