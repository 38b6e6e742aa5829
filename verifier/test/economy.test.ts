/** What a node does with its money, on a real chain: which requests it answers, what it announces, and where every wei went. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { z } from "zod/v4";
import { createWatch, trialOfRequest } from "../../scripts/simulate/watch.ts";
import { chainTime } from "../../sdk/src/answer.ts";
import { connect } from "../../sdk/src/contracts.ts";
import { request, type RequestHandle } from "../../sdk/src/request.ts";
import { importKeystore } from "../src/chain/keys.ts";
import { listOffers } from "../../sdk/src/offers.ts";
import {
  balanceOf,
  ledgerOf,
  profitOf,
  unexplainedWei,
  type Ledger,
  type Spend,
} from "../src/economics/ledger.ts";
import { ledgerRows } from "../src/cli/ledgerRows.ts";
import { startNode, type NodeOptions, type RunningNode } from "../src/node.ts";
import { openDatabase } from "../src/state/database.ts";
import { openLogs } from "../src/state/logs.ts";
import { createProfit } from "../src/state/profit.ts";
import { encodeMove } from "../src/play/calls.ts";
import type { Trial } from "../src/play/trial.ts";
import type { OperatorParts } from "../src/roles/operator.ts";
import { finished, launch } from "./command.ts";
import { alteredAnswer } from "./corrupt.ts";
import { ANSWERS_ALL, CHECKS_ALL, isSettled, nodeOptions, stateOf, trialOf } from "./player.ts";
import { until } from "./until.ts";
import {
  addressOf,
  exampleModel,
  pass,
  publishFile,
  stake,
  startWorld,
  type PublishedModel,
  type World,
} from "./world.ts";

const ETHER = 10n ** 18n;
const STAKE = 2n * ETHER;
const FEE = ETHER / 100n;
const EXPOSURE = (9n * ETHER) / 10n;
const WINDOW = 900;
const CLOCK = 60;
const [HONEST, LIAR, VERIFIER, STALLER, REQUESTER, POOR, SCANT] = [1, 2, 3, 4, 5, 6, 7] as const;
const ENDPOINT = "https://assay.example/node";

const wei = z.string().transform(BigInt);
const earnings = {
  feesWei: wei,
  sharesWei: wei,
  forfeitsWei: wei,
  stakesLostWei: wei,
  gasWei: wei,
  profitWei: wei,
};
const profitSchema = z.object({
  fromBlock: z.number(),
  toBlock: z.number(),
  ...earnings,
  refundsWei: wei,
  changeWei: wei,
  unexplainedWei: wei,
  missingTransactions: z.number(),
  gas: z.record(z.string(), z.object({ transactions: z.number(), wei })),
  releases: z.record(z.string(), z.object(earnings)),
});

describe("the economy on a real chain", function () {
  this.timeout(280_000);
  let world: World;
  let watch: ReturnType<typeof createWatch>;
  let digits: PublishedModel;
  const nodes = new Map<number, RunningNode>();
  const lines: string[] = [];
  /** When the test of the lie began, by the chain's time. */
  let lieAt = 0;

  async function start(
    account: number,
    roles: Pick<NodeOptions, "operator" | "verifier" | "announce">,
    parts?: Partial<OperatorParts>,
  ): Promise<void> {
    const options = nodeOptions(world, account);
    const { log } = options;
    // What the owner is told at info, whatever level the tests show.
    const info = log.info.bind(log);
    log.info = (fields: unknown, text?: unknown): void => {
      lines.push(String(text));
      info(fields, String(text));
    };
    const node = await startNode({ ...options, ...roles }, parts);
    nodes.set(account, node);
    await node.ready;
  }

  async function ask(
    account: number | undefined,
    fee: bigint,
    seed: number,
    bond = 0n,
  ): Promise<RequestHandle> {
    const contracts = connect(world.deployment, world.chain.wallet(REQUESTER));
    const input = Uint8Array.from({ length: digits.model.inputBytes }, (_, i) => (i * seed + 3) % 17);
    return request(contracts, addressOf(world, REQUESTER), {
      releaseId: digits.releaseId,
      input,
      fee,
      bond,
      windowSeconds: WINDOW,
      answerSeconds: 3 * WINDOW,
      ...(account === undefined ? {} : { operator: addressOf(world, account) }),
    });
  }

  /** Every transaction of an account, from the blocks themselves. */
  async function spendsOf(account: number): Promise<Spend[]> {
    const { provider } = world.chain;
    const from = addressOf(world, account);
    const spends: Spend[] = [];
    const head = await provider.getBlockNumber();
    for (let number = 0; number <= head; number++) {
      const block = await provider.getBlock(number, true);
      for (const sent of block?.prefetchedTransactions ?? []) {
        if (sent.from !== from) continue;
        const receipt = await provider.getTransactionReceipt(sent.hash);
        if (receipt === null) throw new Error("no receipt");
        const { gasUsed, gasPrice } = receipt;
        const { releaseId } = digits;
        const label = sent.data.slice(0, 10);
        spends.push({ label, gas: Number(gasUsed), feeWei: gasUsed * gasPrice, releaseId });
      }
    }
    return spends;
  }

  /** The ledger of an account, after checking it against vault and wallet to the last wei. */
  async function checkedLedger(account: number): Promise<Ledger> {
    const { events, state } = await watch();
    const ledger = ledgerOf(
      addressOf(world, account),
      events.map(({ event }) => event),
      await spendsOf(account),
      state,
    );
    const held = await world.contracts.vault.accountOf(addressOf(world, account));
    expect(unexplainedWei(ledger, held)).to.equal(0n);
    expect(balanceOf(ledger)).to.equal(held.freeWei + held.lockedWei);
    const wallet = await world.chain.provider.getBalance(addressOf(world, account));
    const funds = 10_000n * ETHER;
    expect(wallet).to.equal(funds - ledger.depositsWei + ledger.withdrawalsWei - ledger.total.gasWei);
    const single = [...ledger.releases.values()].reduce((sum, earnings) => sum + profitOf(earnings), 0n);
    expect(single).to.equal(profitOf(ledger.total));
    expect(ledgerRows(ledger, "").map(([label]) => label)).to.include("profit");
    return ledger;
  }

  /** Wallet and stake. */
  async function wealthOf(account: number, block: number): Promise<bigint> {
    const { provider } = world.chain;
    const walletWei = await provider.getBalance(addressOf(world, account), block);
    // There was no vault yet.
    if (block < world.deployment.block) return walletWei;
    const { vault } = connect(world.deployment, provider);
    const { freeWei, lockedWei } = await vault.accountOf(addressOf(world, account), { blockTag: block });
    return walletWei + freeWei + lockedWei;
  }

  /** What `assay status` says of an account's money, after checking it against wallet and stake to the last wei. */
  async function statusOf(
    account: number,
    ...args: readonly string[]
  ): Promise<z.infer<typeof profitSchema>> {
    const file = join(world.folder, `deployment-${account}.json`);
    writeFileSync(file, JSON.stringify(world.deployment));
    const chain = ["--rpc", world.chain.url, "--deployment", file, "--address", addressOf(world, account)];
    const { code, stdout, stderr } = await finished(launch(["status", "--json", ...chain, ...args]));
    expect([code, stderr]).to.deep.equal([0, ""]);
    const { profit } = z.object({ profit: profitSchema }).parse(JSON.parse(stdout));
    const { fromBlock, toBlock, changeWei, profitWei, gasWei } = profit;
    const [before, after] = [await wealthOf(account, fromBlock - 1), await wealthOf(account, toBlock)];
    expect(changeWei, `account ${account}`).to.equal(after - before);
    expect([profit.unexplainedWei, profit.missingTransactions]).to.deep.equal([0n, 0]);
    expect(Object.values(profit.gas).reduce((sum, { wei }) => sum + wei, 0n)).to.equal(gasWei);
    expect(Object.values(profit.releases).reduce((sum, single) => sum + single.profitWei, 0n)).to.equal(
      profitWei,
    );
    return profit;
  }

  /** What the operator's node says in its metrics is what the chain says, but for the deposit, which it did not send itself. */
  async function sameInItsDatabase(status: z.infer<typeof profitSchema>): Promise<void> {
    const database = await openDatabase({ directory: join(world.folder, `state-${HONEST}`) });
    try {
      const { chainId, addresses, block } = world.deployment;
      const options = { deployment: `${chainId}:${addresses.market}`, fromBlock: block, depth: 66 };
      const logs = await openLogs(database, options);
      const look = createProfit(database, logs, world.deployment, addressOf(world, HONEST));
      const { feesWei, sharesWei, forfeitsWei, gasWei } = status;
      const deposit = status.gas["deposit"]?.wei ?? 0n;
      const sums = { fees: feesWei, won: sharesWei + forfeitsWei, lost: 0n, gas: deposit - gasWei };
      expect(await look()).to.deep.equal(sums);
    } finally {
      await database.destroy();
    }
  }

  async function settled(handle: RequestHandle): Promise<void> {
    await until("all games are settled", async () => {
      const result = trialOfRequest(await watch(), handle.requestId)?.result;
      return result !== undefined && isSettled(result);
    });
  }

  before(async () => {
    world = await startWorld();
    watch = createWatch(world.contracts, world.chain.provider);
    digits = await publishFile(world, exampleModel("digits"));
    for (const account of [HONEST, LIAR, VERIFIER, STALLER]) await stake(world, account, STAKE);
    await stake(world, POOR, ETHER);
    // Enough for the bond of a game, and not for all of its selects.
    await stake(world, SCANT, ETHER / 45n);
    await start(HONEST, {
      operator: {
        serve: [digits.releaseId],
        minFee: "auto",
        computeWeiPerSecond: 10n ** 12n,
        maxBond: ETHER,
        maxExposure: EXPOSURE,
      },
      announce: { endpoints: [ENDPOINT] },
    });
  });

  after(async () => {
    await Promise.all([...nodes.values()].map((node) => node.stop()));
    await world.stop();
  });

  it("announces endpoints and offers in one transaction, and once", async () => {
    const said = async () => (await watch()).state.operators.get(addressOf(world, HONEST).toLowerCase());
    await until("announced", async () => (await said()) !== undefined);
    const record = await said();
    expect(record?.endpoints).to.deep.equal([ENDPOINT]);
    const offer = record?.offers.get(digits.releaseId);
    expect(offer?.maxBondWei).to.equal(ETHER);
    const { directory } = connect(world.deployment, world.chain.provider);
    const stored = await directory.offerOf(addressOf(world, HONEST), digits.releaseId);
    expect([stored.feeWei, stored.gas, stored.tipMwei, stored.gasPercent].map(Number)).to.deep.equal([
      Number(offer?.feeWei),
      offer?.gas,
      offer?.tipMwei,
      offer?.gasPercent,
    ]);
    const announcing = (await watch()).events.filter(({ event }) => event.name === "EndpointsAnnounced");
    expect(announcing).to.have.length(1);
    // A deposit and an announcement, and nothing else.
    expect(await spendsOf(HONEST)).to.have.length(2);
  });

  it("answers whoever pays the quote, and leaves what loses money to others, said once", async () => {
    const { provider } = world.chain;
    const reader = connect(world.deployment, provider);
    const [offer, ...others] = await listOffers(reader, provider, digits.releaseId);
    if (offer === undefined) throw new Error("no offer");
    expect(others).to.have.length(0);
    expect(offer).to.include({ operator: addressOf(world, HONEST), freeWei: STAKE, lockedWei: 0n });
    expect(offer.endpoints).to.deep.equal([ENDPOINT]);
    const cheap = await ask(undefined, offer.priceWei / 3n, 4);
    const dear = await ask(undefined, offer.priceWei, 5);
    await until("answered", async () => (await stateOf(world, dear)) === "answered");
    expect(await stateOf(world, cheap)).to.equal("requested");
    expect(lines.filter((line) => line.includes("fee below cost"))).to.have.length(1);
    await pass(world, WINDOW);
    await until("final", async () => (await stateOf(world, dear)) === "final");
    const ledger = await checkedLedger(HONEST);
    expect(ledger.total.feesWei).to.equal(
      dear.request.fee - (dear.request.fee * 500n) / 10_000n - (dear.request.fee * 100n) / 10_000n,
    );
    expect(ledger.releases.get(digits.releaseId)?.feesWei).to.equal(ledger.total.feesWei);
    // Fulfil and finalize alone: the fee was worth it.
    const announceAndStake = (await spendsOf(HONEST)).slice(0, 2);
    const sunk = announceAndStake.reduce((sum, { feeWei }) => sum + feeWei, 0n);
    expect(profitOf(ledger.total) + sunk > 0n).to.equal(true);
  });

  it("bonds no more at once than it may, and goes on when bonds are free again", async () => {
    const half = ETHER / 2n;
    const handles = [await ask(HONEST, FEE, 2, half), await ask(HONEST, FEE, 3, half)] as const;
    const states = async (): Promise<string> =>
      (await Promise.all(handles.map((handle) => stateOf(world, handle)))).toSorted().join();
    await until("one is answered", async () => (await states()) === "answered,requested");
    await until("the other is left", async () =>
      Promise.resolve(lines.some((line) => line.includes("bonds at risk would be above the limit"))),
    );
    await pass(world, WINDOW);
    await until("the other is answered too", async () => !(await states()).includes("requested"));
    const { state } = await watch();
    const times = [...state.results.values()].slice(-2).map(({ answeredAt }) => answeredAt);
    expect((times[1] ?? 0) - (times[0] ?? 0)).to.be.at.least(WINDOW);
    await pass(world, WINDOW);
    await until("all are final", async () => (await states()) === "final,final");
    await checkedLedger(HONEST);
  });

  it("accounts for a lie that was overturned, on both sides", async () => {
    lieAt = await chainTime(world.chain.provider);
    const { verifier } = CHECKS_ALL;
    // One that may not lock enough, and one that has not enough to lock: both leave the lie to the third.
    await start(POOR, { verifier: { ...verifier, bankroll: ETHER / 1000n } });
    await start(SCANT, CHECKS_ALL);
    await start(LIAR, ANSWERS_ALL, alteredAnswer);
    const handle = await ask(LIAR, FEE, 7);
    await until("left for its bankroll", async () =>
      Promise.resolve(lines.some((line) => line.includes("above the bankroll"))),
    );
    await until("left for its stake", async () =>
      Promise.resolve(lines.some((line) => line.includes("free stake below what it could lock"))),
    );
    await start(VERIFIER, { verifier: { ...verifier, verify: [digits.releaseId], bankroll: ETHER } });
    await until("refunded", async () => (await stateOf(world, handle)) === "refunded");
    await settled(handle);
    const { bond } = handle.request;
    const loser = await checkedLedger(LIAR);
    expect(loser.total).to.include({ bondsLostWei: bond, feesWei: 0n, sharesWei: 0n, stakesLostWei: 0n });
    const winner = await checkedLedger(VERIFIER);
    expect(winner.total).to.include({ sharesWei: bond / 4n, bondsLostWei: 0n, stakesLostWei: 0n });
    expect(winner.releases.get(digits.releaseId)?.sharesWei).to.equal(bond / 4n);
    for (const account of [POOR, SCANT]) expect(await spendsOf(account)).to.have.length(1);
    const { events, state } = await watch();
    const happened = events.map(({ event }) => event);
    const refunds = ledgerOf(addressOf(world, REQUESTER), happened, [], state);
    expect(refunds.refundsWei).to.equal(FEE);
    expect(profitOf(refunds.total)).to.equal(0n);
  });

  it("accounts for a challenge that was lost, on both sides", async () => {
    const before = (await checkedLedger(HONEST)).total.forfeitsWei;
    expect(before).to.equal(0n);
    const handle = await ask(HONEST, FEE, 9);
    await until("answered", async () => (await stateOf(world, handle)) === "answered");
    const trial = (): Promise<Trial> => trialOf(watch, handle);
    const wallet = world.chain.wallet(STALLER);
    const contracts = connect(world.deployment, wallet);
    const to = world.deployment.addresses.game;
    const data = encodeMove(contracts, await trial(), { kind: "challenge" });
    await (await wallet.sendTransaction({ to, data })).wait();
    const stakeWei = (await checkedLedger(STALLER)).depositsWei;
    expect(stakeWei).to.equal(STAKE);
    const bondWei = [...(await trial()).result.games.values()][0]?.bondWei ?? 0n;
    expect(bondWei > 0n).to.equal(true);
    await until("the trace is committed", async () => (await trial()).result.commit !== undefined);
    await pass(world, CLOCK + 1);
    await until("the challenger lost", async () => (await trial()).result.openGames === 0);
    await pass(world, WINDOW);
    await until("final", async () => (await stateOf(world, handle)) === "final");
    await settled(handle);
    const operator = await checkedLedger(HONEST);
    expect(operator.total.forfeitsWei).to.equal(bondWei / 2n);
    const challenger = await checkedLedger(STALLER);
    expect(challenger.total).to.include({ stakesLostWei: bondWei, sharesWei: 0n, bondsLostWei: 0n });
    const { freeWei } = await world.contracts.vault.accountOf(addressOf(world, STALLER));
    await (await contracts.vault.withdraw(freeWei, addressOf(world, STALLER))).wait();
    const left = await checkedLedger(STALLER);
    expect([left.withdrawalsWei, balanceOf(left)]).to.deep.equal([STAKE - bondWei, 0n]);
  });

  it("says by command what wallet and stake have gained since then, to the last wei, failed transactions too", async () => {
    const wallet = world.chain.wallet(STALLER);
    const { vault } = connect(world.deployment, wallet);
    const to = world.deployment.addresses.vault;
    const data = vault.interface.encodeFunctionData("withdraw", [100n * ETHER, wallet.address]);
    const failing = await wallet.sendTransaction({ to, data, gasLimit: 100_000 });
    await until("the failing transaction is mined", async () => (await failing.getBlock()) !== null);
    const since = new Date(lieAt * 1000).toISOString().replace(".000Z", "Z");
    const [operator, period, verifier, challenger, requester] = await Promise.all([
      statusOf(HONEST),
      statusOf(HONEST, "--since", since),
      statusOf(VERIFIER, "--since", since),
      statusOf(STALLER),
      statusOf(REQUESTER),
    ]);
    const { releaseId } = digits;
    expect(operator.feesWei > period.feesWei && period.feesWei > 0n).to.equal(true);
    expect(period.releases[releaseId]?.forfeitsWei).to.equal(period.forfeitsWei);
    expect(period.forfeitsWei > 0n).to.equal(true);
    expect(Object.keys(operator.gas)).to.include.members(["deposit", "announce", "fulfill", "finalize"]);
    expect(Object.keys(period.gas)).to.include.members(["fulfill", "commitTrace", "timeout", "settleGame"]);
    expect(Object.keys(period.gas)).not.to.include("deposit");
    expect(Object.keys(verifier.gas)).to.include.members(["challenge", "settleGame"]);
    expect(verifier.sharesWei > 0n).to.equal(true);
    expect(challenger.gas["withdraw (failed)"]?.transactions).to.equal(1);
    expect(challenger.stakesLostWei > 0n).to.equal(true);
    expect(requester.gas["request"]?.transactions).to.equal(6);
    expect(requester.refundsWei).to.equal(FEE);
  });

  it("takes its offers back by command, when the node has stopped", async () => {
    await nodes.get(HONEST)?.stop();
    nodes.delete(HONEST);
    await sameInItsDatabase(await statusOf(HONEST));
    const [keyFile, password, keystore, deployment] = ["key", "password", "key.json", "deployment.json"].map(
      (name) => join(world.folder, name),
    ) as [string, string, string, string];
    writeFileSync(keyFile, world.chain.wallet(HONEST).privateKey);
    writeFileSync(password, "secret\n");
    writeFileSync(deployment, JSON.stringify(world.deployment));
    await importKeystore(keyFile, keystore, "secret");
    const chain = ["--rpc", world.chain.url, "--deployment", deployment];
    const key = ["--keystore", keystore, "--password-file", password];
    const shown = await finished(launch(["announce", ...chain, ...key]));
    expect([shown.code, shown.stdout.includes(ENDPOINT)]).to.deep.equal([0, true]);
    const listed = await finished(launch(["model", "offers", digits.releaseId, ...chain, "--json"]));
    expect(listed.stdout).to.include(addressOf(world, HONEST));
    const gone = await finished(launch(["announce", "--withdraw", ...chain, ...key, "--json"]));
    expect([gone.code, JSON.parse(gone.stdout)]).to.deep.equal([
      0,
      { account: addressOf(world, HONEST), endpoints: [], offers: {} },
    ]);
    const none = await finished(launch(["model", "offers", digits.releaseId, ...chain, "--json"]));
    expect([none.code, JSON.parse(none.stdout)]).to.deep.equal([0, []]);
  });
});
