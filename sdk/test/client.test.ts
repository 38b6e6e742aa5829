/** The client on a real chain: prices, answers, what goes wrong, and events through reorganisations and failures. */
import { expect } from "chai";
import { BrowserProvider, JsonRpcProvider, VoidSigner, Wallet } from "ethers";
import { createServer, type Server } from "node:http";
import { freePort } from "../../scripts/anvil.ts";
import {
  addressOf,
  exampleModel,
  pass,
  publishFile,
  stake,
  startWorld,
  type PublishedModel,
  type World,
} from "../../verifier/test/world.ts";
import { until } from "../../verifier/test/until.ts";
import { connectAssay, type Assay, type Pending } from "../src/assay.ts";
import { connect } from "../src/contracts.ts";
import { AssayError } from "../src/error.ts";
import { revertName } from "../src/revert.ts";
import { toHex, ZERO_ADDRESS, type Hex } from "../src/structs.ts";
import { verify, type VerifyOptions } from "../src/verify.ts";
import type { Happened } from "../src/watch.ts";

const STAKE = 10n ** 18n;
const INPUT = new Uint8Array(64).fill(5);
const OUTPUT = new Uint8Array(10).fill(7);
const OFFER = { feeWei: 10n ** 14n, gas: 0, tipMwei: 0, gasPercent: 0, maxBondWei: STAKE };

async function errorOf(work: Promise<unknown>): Promise<AssayError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AssayError) return error;
    throw error;
  }
  throw new Error("it worked");
}

describe("the SDK's client", function () {
  this.timeout(300_000);
  let world: World;
  let digits: PublishedModel;
  let assay: Assay;

  before(async () => {
    world = await startWorld({ blockSeconds: 0 });
    digits = await publishFile(world, exampleModel("digits"));
    for (const account of [1, 2]) await stake(world, account, STAKE);
    assay = await connectAssay(world.chain.wallet(9), world.deployment);
  });

  after(() => world.stop());

  async function answer({ request }: Pending, account = 1): Promise<void> {
    const { market } = connect(world.deployment, world.chain.wallet(account));
    await (await market.fulfill(request, OUTPUT)).wait();
  }

  async function finalize({ request }: Pending, account = 1): Promise<void> {
    await pass(world, request.windowSeconds + 1);
    await (await world.contracts.market.finalize(request, addressOf(world, account), OUTPUT)).wait();
  }

  async function announce(account: number, offer: typeof OFFER): Promise<void> {
    const { directory } = connect(world.deployment, world.chain.wallet(account));
    await (await directory.announce([], [{ releaseId: digits.releaseId, offer }])).wait();
  }

  async function asked(): Promise<Pending> {
    // In an open request it would have to wait for its turn.
    const operator = addressOf(world, 1);
    return assay.request({ releaseId: digits.releaseId, input: INPUT, fee: 10n ** 15n, operator });
  }

  it("connects only where the contracts are", async () => {
    const { chain, deployment } = world;
    expect((await errorOf(connectAssay(chain.wallet(9)))).code).to.equal("BAD_DEPLOYMENT");
    expect((await errorOf(connectAssay(chain.wallet(9), { ...deployment, chainId: 1 }))).code).to.equal(
      "WRONG_CHAIN",
    );
    expect((await errorOf(connectAssay(new Wallet(chain.wallet(9).privateKey), deployment))).code).to.equal(
      "BAD_CONFIG",
    );
    const reader = await connectAssay(chain.provider, deployment);
    expect((await errorOf(reader.request({ releaseId: digits.releaseId, input: INPUT }))).code).to.equal(
      "BAD_CONFIG",
    );
  });

  it("knows releases, and the one signature of each", async () => {
    const { releaseId, model } = digits;
    const { release } = await assay.release(releaseId, model.signature);
    expect(release.inputBytes).to.equal(64);
    const other = { ...model.signature, outputs: model.signature.inputs };
    expect((await errorOf(assay.release(releaseId, other))).code).to.equal("BAD_TENSOR");
    expect((await errorOf(assay.release(`0x${"12".repeat(32)}`))).code).to.equal("NOT_FOUND");
  });

  it("quotes the cheapest operator that can answer, or estimates", async () => {
    const { releaseId } = digits;
    const floor = await world.contracts.market.bondFloor(releaseId);
    const guess = await assay.quote({ releaseId });
    expect(guess.operator).to.equal(ZERO_ADDRESS);
    expect(guess.fee > 0n).to.equal(true);
    await announce(1, OFFER);
    await announce(2, { ...OFFER, feeWei: OFFER.feeWei - 1n, maxBondWei: 1n });
    // Has no stake.
    await announce(3, { ...OFFER, feeWei: 1n });
    const quote = await assay.quote({ releaseId });
    expect(quote).to.include({ operator: addressOf(world, 1), fee: OFFER.feeWei });
    expect(quote.bond >= floor - floor / 4n && quote.bond > 0n).to.equal(true);
    expect((await assay.quote({ releaseId, operator: addressOf(world, 3) })).fee).to.equal(1n);
    for (const operator of [addressOf(world, 2), addressOf(world, 4)])
      expect((await errorOf(assay.quote({ releaseId, operator }))).code).to.equal("NOT_FOUND");
    expect((await assay.quote({ releaseId, bond: 2n * STAKE })).operator).to.equal(ZERO_ADDRESS);
    // A price in gas follows the base fee; there is room for it to rise.
    await announce(1, { ...OFFER, feeWei: 0n, gas: 100_000, gasPercent: 100 });
    const { fee, baseFee } = await assay.quote({
      releaseId,
      operator: addressOf(world, 1),
      headroomBlocks: 8,
    });
    expect(fee > 100_000n * baseFee * 2n).to.equal(true);
    await announce(1, OFFER);
  });

  it("asks as quoted, and says how firm the answer is", async () => {
    const pending = await assay.request({ releaseId: digits.releaseId, input: INPUT });
    expect(pending.request).to.include({ fee: OFFER.feeWei, operator: addressOf(world, 1) });
    const waiting = pending.provisional({ pollSeconds: 0.05 });
    await answer(pending);
    const early = await waiting;
    expect(early).to.deep.include({ final: false, output: OUTPUT, requestId: pending.requestId });
    expect(await assay.check(pending, early)).to.include({ standing: true, final: false, openGames: 0 });
    const late = pending.final({ pollSeconds: 0.05 });
    await finalize(pending);
    const firm = await late;
    expect(firm).to.include({ final: true, resultId: early.resultId });
    expect(await assay.check(pending, firm)).to.include({ standing: true, final: true });
    const again = await assay.find(pending.requestId);
    expect(again.request).to.deep.equal(pending.request);
    expect((await again.final()).output).to.deep.equal(OUTPUT);
  });

  it("lets nobody change a request or an answer unnoticed", async () => {
    const pending = await asked();
    await answer(pending);
    const early = await pending.provisional();
    const lies = [
      assay.check({ ...pending, input: INPUT.map((x) => x + 1) }, early),
      assay.check({ ...pending, request: { ...pending.request, fee: 1n } }, early),
      assay.check(pending, { ...early, output: new Uint8Array(10) }),
      assay.check(pending, { ...early, operator: addressOf(world, 2) }),
    ];
    for (const lie of lies) expect((await errorOf(lie)).code).to.equal("RPC_FAILED");
  });

  it("says what to do about requests that nobody answers", async () => {
    const { releaseId } = digits;
    const pending = await assay.request({ releaseId, input: INPUT, fee: 1n, answerSeconds: 60 });
    expect((await errorOf(pending.provisional({ timeoutSeconds: 0 }))).code).to.equal("TIMED_OUT");
    expect((await errorOf(assay.refund(pending))).code).to.equal("REVERTED");
    await pass(world, 61);
    expect((await errorOf(pending.provisional())).code).to.equal("UNANSWERED");
    await assay.refund(pending);
    expect((await errorOf(pending.final())).code).to.equal("UNANSWERED");
    expect((await errorOf(assay.find(`0x${"12".repeat(32)}`))).code).to.equal("NOT_FOUND");
  });

  it("ends waiting by a signal, with its reason", async () => {
    const pending = await asked();
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const ended = await pending.final({ signal }).catch((error: unknown) => error);
    expect(ended).to.equal(reason);
    const later = new AbortController();
    const waiting = pending
      .final({ signal: later.signal, pollSeconds: 3600 })
      .catch((error: unknown) => error);
    setTimeout(() => later.abort(reason), 50);
    expect(await waiting).to.equal(reason);
  });

  it("names what a contract refused, and who cannot pay", async () => {
    const { releaseId } = digits;
    const short = await errorOf(assay.request({ releaseId, input: new Uint8Array(3), fee: 1n }));
    expect([short.code, revertName(short)]).to.deep.equal(["REVERTED", "InputLengthIs"]);
    const unknown = await errorOf(assay.quote({ releaseId: `0x${"12".repeat(32)}` }));
    expect([unknown.code, revertName(unknown)]).to.deep.equal(["REVERTED", "ReleaseUnknown"]);
    const poor = await connectAssay(Wallet.createRandom(world.chain.provider), world.deployment);
    expect((await errorOf(poor.request({ releaseId, input: INPUT, fee: 1n }))).code).to.equal(
      "INSUFFICIENT_FUNDS",
    );
  });

  it("says so when the wallet's owner declines", async () => {
    const owner = new BrowserProvider({
      async request({ method, params = [] }) {
        if (method === "eth_accounts" || method === "eth_requestAccounts") return [addressOf(world, 9)];
        if (method !== "eth_sendTransaction")
          return world.chain.provider.send(
            method,
            Array.isArray(params) ? params : [params],
          ) as Promise<unknown>;
        throw Object.assign(new Error("User rejected the request."), { code: 4001 });
      },
    });
    const declining = await connectAssay(await owner.getSigner(), world.deployment);
    const asking = declining.request({ releaseId: digits.releaseId, input: INPUT, fee: 1n });
    expect((await errorOf(asking)).code).to.equal("DECLINED");
    owner.destroy();
  });

  it("has no verdict without the command that makes it", async () => {
    const { chain, deployment } = world;
    const asked: VerifyOptions = { requestId: `0x${"12".repeat(32)}`, rpcUrl: chain.url, deployment };
    const missing = verify({ ...asked, command: ["/no/such/command"] });
    expect((await errorOf(missing)).code).to.equal("BAD_CONFIG");
    // Neither success nor a made-up answer of another program is a verdict.
    for (const code of ["", "console.log('{}')", "process.exit(1)"]) {
      const other = verify({ ...asked, command: [process.execPath, "-e", code, "--"] });
      expect((await errorOf(other)).code).to.equal("INFERENCE_FAILED");
    }
    const reason = new Error("enough");
    const ended = verify({ ...asked, signal: AbortSignal.abort(reason) }).catch((error: unknown) => error);
    expect(await ended).to.equal(reason);
  });

  describe("events", () => {
    /** Follows until it is stopped. */
    function follow(subject: { requestId: Hex } | { releaseId: Hex }, from: number, through = assay) {
      const seen: Happened[] = [];
      const failures: string[] = [];
      const stop = new AbortController();
      const done = (async () => {
        const options = { from, signal: stop.signal, pollSeconds: 0.05 };
        const onFailure = ({ code }: AssayError): number => failures.push(code);
        for await (const entry of through.watch(subject, { ...options, onFailure })) seen.push(entry);
      })();
      const names = (): string[] =>
        seen.map(({ kind, event }) => (kind === "undone" ? `-${event.name}` : event.name));
      return {
        ...{ seen, failures, names },
        async stop() {
          stop.abort();
          await done;
        },
      };
    }

    it("of a request come in order, and again from any block on", async () => {
      const pending = await asked();
      const all = follow({ requestId: pending.requestId }, pending.block);
      await answer(pending);
      await finalize(pending);
      await until("the end is seen", () => all.seen.some(({ event }) => event.name === "Finalized"));
      await all.stop();
      expect(all.names()).to.deep.equal(["Requested", "Fulfilled", "Finalized"]);
      const answered = all.seen[1]?.block ?? 0;
      const rest = follow({ requestId: pending.requestId }, answered);
      await until("the rest is seen", () => rest.seen.length === 2);
      await rest.stop();
      expect(rest.seen).to.deep.equal(all.seen.slice(1));
    });

    it("of a release are those of its requests too, and of no other's", async () => {
      const before = (await world.chain.provider.getBlockNumber()) + 1;
      const mine = follow({ releaseId: digits.releaseId }, before);
      const other = follow({ releaseId: `0x${"12".repeat(32)}` }, before);
      const pending = await asked();
      await answer(pending);
      await announce(2, OFFER);
      await until("the offer is seen", () => mine.names().includes("OfferChanged"));
      await Promise.all([mine.stop(), other.stop()]);
      expect(mine.names()).to.deep.equal(["Requested", "Fulfilled", "OfferChanged"]);
      expect(other.seen).to.deep.equal([]);
    });

    it("that a reorganisation removes are undone, and happen again", async () => {
      const { provider } = world.chain;
      const pending = await asked();
      const events = follow({ requestId: pending.requestId }, pending.block);
      const snapshot: unknown = await provider.send("evm_snapshot", []);
      await answer(pending);
      await until("the answer is seen", () => events.seen.length === 2);
      // The same height or more, without the answer.
      await provider.send("evm_revert", [snapshot]);
      for (let i = 0; i < 3; i++) await provider.send("evm_mine", []);
      await until("its end is seen", () => events.seen.length === 3);
      await answer(pending);
      await until("the next is seen", () => events.seen.length === 4);
      await events.stop();
      expect(events.names()).to.deep.equal(["Requested", "Fulfilled", "-Fulfilled", "Fulfilled"]);
      expect(events.seen[2]?.blockHash).to.equal(events.seen[1]?.blockHash);
      expect(events.seen[3]?.blockHash).not.to.equal(events.seen[1]?.blockHash);
      // And the answer that is waited for is the one that stands.
      expect((await pending.provisional()).output).to.deep.equal(OUTPUT);
    });

    it("are followed, and answers waited for, through an endpoint that fails for a while", async () => {
      let broken = false;
      const port = await freePort();
      const proxy: Server = createServer((request, response) => {
        if (broken) {
          response.writeHead(503).end();
          return;
        }
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          const headers = { "content-type": "application/json" };
          const sent = fetch(world.chain.url, { method: "POST", headers, body: Buffer.concat(chunks) });
          void sent.then(async (answered) => response.writeHead(200, headers).end(await answered.text()));
        });
      });
      await new Promise<void>((ready) => proxy.listen(port, "127.0.0.1", ready));
      const provider = new JsonRpcProvider(`http://127.0.0.1:${port}`, 31337, {
        ...{ staticNetwork: true, cacheTimeout: -1 },
      });
      try {
        const through = await connectAssay(new VoidSigner(addressOf(world, 9), provider), world.deployment);
        const pending = await asked();
        const events = follow({ requestId: pending.requestId }, pending.block, through);
        await until("the request is seen", () => events.seen.length === 1);
        const waiting = (await through.find(pending.requestId)).provisional({ pollSeconds: 0.05 });
        broken = true;
        await answer(pending);
        await until("it has failed", () => events.failures.length > 0);
        broken = false;
        await until("the answer is seen", () => events.seen.length === 2);
        expect(events.failures).to.include("RPC_FAILED");
        expect(toHex((await waiting).output)).to.equal(toHex(OUTPUT));
        await events.stop();
      } finally {
        provider.destroy();
        proxy.close();
      }
    });
  });
});
