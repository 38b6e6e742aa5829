import { expect } from "chai";
import { toBeHex } from "ethers";
import { codeOf } from "../../../test/failure.ts";
import { echoCall } from "../../../test/echo.ts";
import { soon } from "../../../test/until.ts";
import { startEchoChain, type EchoChain } from "../../../test/outbox.ts";
import { AssayError } from "../../../../sdk/src/error.ts";
import { createMetrics, type Metrics } from "../../observe/metrics.ts";
import { createOutboxProbe } from "../../observe/probes.ts";
import { walletSigner } from "../signer.ts";
import type { Sender } from "./intent.ts";
import { memoryJournal } from "./memory.ts";
import type { OutboxOptions } from "./outbox.ts";

const GWEI = 10n ** 9n;

describe("an outbox's probe", function () {
  this.timeout(60_000);
  let chain: EchoChain;
  let account = 0;
  const senders: Sender[] = [];

  before(async () => {
    chain = await startEchoChain();
  });
  beforeEach(async () => {
    account++;
    await setBaseFee(GWEI);
  });
  afterEach(async () => {
    await Promise.all(senders.splice(0).map((sender) => sender.close()));
    await chain.setBroken(false);
    await chain.automine(true);
  });
  after(() => chain.stop());

  /** Of the next block, which is made at once. */
  async function setBaseFee(wei: bigint): Promise<void> {
    await chain.provider.send("anvil_setNextBlockBaseFeePerGas", [toBeHex(wei)]);
    await chain.mine();
  }

  const address = (): string => chain.wallet(account).address;
  const isInPool = async (nonce: number): Promise<boolean> => (await chain.pool(address())).has(nonce);

  function sender(metrics: Metrics, journal = memoryJournal(), options: Partial<OutboxOptions> = {}): Sender {
    const probe = createOutboxProbe(metrics);
    const made = chain.sender(account, journal, { closeMs: 100, probe, ...options });
    senders.push(made);
    return made;
  }

  /** Of the counters of transactions, those that are not 0, by name and label. */
  async function counts(metrics: Metrics): Promise<Record<string, number>> {
    const { body } = await metrics.text();
    const found = body.matchAll(
      /^assay_transactions_(\w+)_total\{label="([^"]*)"(?:,code="(\w+)")?\} (\d+)$/gm,
    );
    const named = [...found].map(
      ([, what = "", label = "", code, count]) =>
        [[what, label, ...(code === undefined ? [] : [code])].join(" "), Number(count)] as const,
    );
    return Object.fromEntries(named.filter(([, count]) => count > 0));
  }

  it("tells of each transaction once, however many processes and reorganisations it sees", async () => {
    const [before, after] = [createMetrics({ process: false }), createMetrics({ process: false })];
    const journal = memoryJournal();
    const first = sender(before, journal);
    const receipt = await first.send(echoCall("one"));
    await chain.provider.send("anvil_rollback", [1]);
    await chain.mine(2);
    await soon(async () => (await chain.count("one")) === 1);
    await soon(async () => (await journal.newest(["one"])).get("one")?.state === "mined");
    const { label } = echoCall("one");
    expect(await counts(before)).to.deep.equal({ [`sent ${label}`]: 1, [`mined ${label}`]: 1 });
    const { body } = await before.text();
    const paid = Number(receipt.gasUsed * receipt.gasPrice) / 1e18;
    const told = Number(/^assay_fees_paid_ether_total\{.*\} (.*)$/m.exec(body)?.[1]);
    expect(Math.abs(told / paid - 1) < 1e-6, `${told} of ${paid}`).to.equal(true);
    expect(body).to.include(`assay_gas_used_total{label="${label}"} ${receipt.gasUsed}\n`);
    expect(body).to.include(`assay_transaction_seconds_count{label="${label}"} 1\n`);
    await first.close();

    const second = sender(after, journal);
    await second.send(echoCall("one"));
    await second.send(echoCall("two"));
    expect(await counts(after)).to.deep.equal({ [`sent ${label}`]: 1, [`mined ${label}`]: 1 });
  });

  it("tells what was refused, reverted, raised and replaced", async () => {
    const metrics = createMetrics({ process: false });
    const impatient = { patienceSeconds: 0.05, minPatienceSeconds: 0.05 };
    const { send } = sender(metrics, memoryJournal(), {
      fees: impatient,
      replacedMs: 200,
      rebroadcastMs: 100_000,
    });
    const { label } = echoCall("any");
    await chain.setBroken(true);
    expect(await codeOf(send(echoCall("refused")))).to.equal("REVERTED");
    await chain.setBroken(false);
    await chain.automine(false);
    const reverting = codeOf(send(echoCall("reverted")));
    await soon(() => isInPool(0));
    await setBaseFee(20n * GWEI);
    await soon(async () => ((await counts(metrics))[`bumped ${label}`] ?? 0) > 0);
    await chain.setBroken(true);
    await setBaseFee(GWEI);
    expect(await reverting).to.equal("REVERTED");
    await chain.setBroken(false);
    const replaced = send(echoCall("replaced"));
    await soon(() => isInPool(1));
    const fee = 500n * GWEI;
    const fees = { maxFeePerGas: fee, maxPriorityFeePerGas: fee };
    await chain.wallet(account).sendTransaction({ to: address(), nonce: 1, value: 1n, ...fees });
    await chain.mine();
    await chain.automine(true);
    await replaced;
    const { [`bumped ${label}`]: bumped = 0, ...others } = await counts(metrics);
    expect(bumped).to.be.above(0);
    expect(others).to.deep.equal({
      [`sent ${label}`]: 3,
      [`mined ${label}`]: 1,
      [`reverted ${label}`]: 1,
      [`replaced ${label}`]: 1,
      [`refused ${label} REVERTED`]: 1,
    });
  });

  it("keeps what its owner can mend, until the signer works again", async () => {
    const wallet = walletSigner(chain.wallet(account));
    let broken = true;
    const signer: OutboxOptions["signer"] = {
      ...wallet,
      sign: (transaction) =>
        broken
          ? Promise.reject(new AssayError("SIGNER_FAILED", "cannot be reached", { retryable: true }))
          : wallet.sign(transaction),
    };
    // Room for one call.
    const routineBudgetWei = 120_000n * GWEI;
    const options = { signer, routineBudgetWei, fees: { minTipWei: GWEI } };
    const { send, stats } = sender(createMetrics({ process: false }), memoryJournal(), options);
    expect(await codeOf(send(echoCall("unsigned")))).to.equal("SIGNER_FAILED");
    expect([...stats().troubles.keys()]).to.deep.equal(["SIGNER_FAILED"]);
    broken = false;
    const { gasUsed, gasPrice } = await send(echoCall("unsigned"));
    expect(stats().troubles.size).to.equal(0);
    expect(await codeOf(send(echoCall("beyond")))).to.equal("BUDGET_EXHAUSTED");
    expect([...stats().troubles.keys()]).to.deep.equal(["BUDGET_EXHAUSTED"]);
    await send(echoCall("move", { priority: "move" }));
    expect(stats().routineSpentWei <= gasUsed * gasPrice).to.equal(true);
  });
});
