/** What the owner of a node, or anyone else, asks about answers and disputes; on a real chain with real liars. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { z } from "zod/v4";
import { connect } from "../../sdk/src/contracts.ts";
import { AssayError } from "../../sdk/src/error.ts";
import { splitBlob } from "../../program/src/claim.ts";
import { elementBits } from "../../program/src/naive/value.ts";
import { request, type RequestHandle } from "../../sdk/src/request.ts";
import { hex, ZERO_HASH, type Hex } from "../../sdk/src/structs.ts";
import { exactOutput, exactTrace } from "../src/compute/exact.ts";
import { freshKey } from "../src/chain/outbox/intent.ts";
import { remoteSigner } from "../src/chain/remote.ts";
import { walletSigner } from "../src/chain/signer.ts";
import { needAuthentic } from "../../sdk/src/authentic.ts";
import { isToldHistory, openClocks, replay, type History, type ToldHistory } from "../src/inspect/history.ts";
import { moneyOf } from "../src/inspect/money.ts";
import { movesOf } from "../src/inspect/moves.ts";
import { findSubject, readEverything, readHistory, readPaid, readProven } from "../src/inspect/read.ts";
import { scalarOf } from "../src/inspect/scalar.ts";
import type { Place } from "../src/inspect/search.ts";
import { verifyAnswer, type Verification } from "../src/inspect/verify.ts";
import { workOf } from "../src/inspect/work.ts";
import { openWorkshop, type Workshop } from "../src/inspect/workshop.ts";
import type { RunningNode } from "../src/node.ts";
import { selectedNode } from "../src/play/trial.ts";
import { outlineOf } from "../src/releases/outline.ts";
import { releaseOf, toleranceBits } from "../src/releases/release.ts";
import { readRelease } from "../../sdk/src/release.ts";
import type { OperatorParts } from "../src/roles/operator.ts";
import { checkReleases, checkRuntime } from "../src/doctor/compute.ts";
import { judgeEndpoint, measureEndpoint } from "../src/doctor/endpoints.ts";
import { checkSigner } from "../src/doctor/signer.ts";
import { miswired } from "../src/doctor/contracts.ts";
import { unpackParameters } from "../../sdk/src/parameters.ts";
import { finished, launch, type Finished } from "./command.ts";
import { alteredAnswer, corruptOperator, silentOperator } from "./corrupt.ts";
import { codeOf } from "./failure.ts";
import { isSettled, startPlayer, stateOf } from "./player.ts";
import { startSigner } from "./signer.ts";
import { until } from "./until.ts";
import { exampleModel, pass, publishFile, startWorld, type PublishedModel, type World } from "./world.ts";

const STAKE = 10n ** 18n;
const FEE = 10n ** 15n;
const WINDOW = 900;
const CLOCK = 60;
/** Seed of inputs. */
const SEED = 5;

const report = <T>(_label: string, work: () => Promise<T>): Promise<T> => work();

describe("what owners ask", function () {
  this.timeout(280_000);
  let world: World;
  let place: Place;
  let workshop: Workshop;
  let digits: PublishedModel;
  let cancer: PublishedModel;
  const nodes: RunningNode[] = [];
  const handles: Record<string, RequestHandle> = {};

  async function start(account: number, parts?: Partial<OperatorParts>): Promise<RunningNode> {
    const node = await startPlayer(world, account, STAKE, parts);
    nodes.push(node);
    await node.ready;
    return node;
  }

  async function ask(name: string, { releaseId, model }: PublishedModel, operator: Hex): Promise<void> {
    const wallet = world.chain.wallet(9);
    const input = Uint8Array.from({ length: model.inputBytes }, (_, i) => (i * SEED + 3) % 17);
    const contracts = connect(world.deployment, wallet);
    const terms = { releaseId, input, fee: FEE, windowSeconds: WINDOW, operator, answerSeconds: 3600 };
    handles[name] = await request(contracts, `0x${wallet.address.slice(2)}`, terms);
  }

  function handle(name: string): RequestHandle {
    const found = handles[name];
    if (found === undefined) throw new Error(`nobody asked for ${name}`);
    return found;
  }

  async function becomes(name: string, state: string): Promise<void> {
    await until(`${name} is ${state}`, async () => (await stateOf(world, handle(name))) === state);
  }

  async function now(): Promise<number> {
    return (await world.chain.provider.getBlock("latest"))?.timestamp ?? 0;
  }

  const history = (name: string): Promise<History> => readHistory(place, handle(name).requestId);

  async function told(name: string): Promise<ToldHistory> {
    const found = await history(name);
    if (isToldHistory(found)) return found;
    throw new Error(`input or answer of ${name} are not on chain`);
  }

  async function verification(name: string, shop = workshop): Promise<Verification> {
    const found = await told(name);
    const record = await readRelease(place.contracts, place.provider, found.request.request.releaseId);
    return verifyAnswer(found, record, await now(), shop, report);
  }

  let config: string;
  const assay = (...args: readonly string[]): Promise<Finished> =>
    finished(launch([...args, "--config", config]));

  before(async () => {
    world = await startWorld();
    place = { contracts: connect(world.deployment, world.chain.provider), provider: world.chain.provider };
    workshop = openWorkshop({ content: { directory: world.contentDirectory }, inferenceLimitMs: 30_000 });
    mkdirSync(join(world.folder, "owner"));
    config = join(world.folder, "owner", "config.json");
    writeFileSync(join(world.folder, "deployment.json"), JSON.stringify(world.deployment));
    writeFileSync(join(world.folder, "password"), "correct horse\n", { mode: 0o600 });
    digits = await publishFile(world, exampleModel("digits"));
    cancer = await publishFile(world, exampleModel("breast-cancer"), 1e-6);
    const honest = await start(5, {});
    const altered = await start(2, alteredAnswer);
    const step = await start(3, corruptOperator({ instruction: 3, byte: 102 }));
    const silent = await start(7, silentOperator);
    await ask("right", cancer, honest.address);
    await ask("unanswered", digits, `0x${"77".repeat(20)}`);
    await ask("altered", digits, altered.address);
    await ask("step", digits, step.address);
    await ask("silent", digits, silent.address);
    for (const name of ["right", "altered", "step", "silent"]) await becomes(name, "answered");
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await workshop.close();
    await world.stop();
  });

  describe("commands that set a node up", () => {
    it("init writes a private file that the others use; it replaces nothing and asks nobody who is not there", async () => {
      const where = ["--rpc", world.chain.url, "--deployment", join(world.folder, "deployment.json")];
      const rest = ["--data", join(world.folder, "owner", "data"), "--http", "off", "--json"];
      const mute = await assay("init", ...where, ...rest);
      expect([mute.code, mute.stdout]).to.deep.equal([2, ""]);
      const flags = [
        ...where,
        ...rest,
        "--role",
        "verifier",
        "--password-file",
        join(world.folder, "password"),
      ];
      const made = await assay("init", ...flags);
      expect(made.code, made.stderr).to.equal(0);
      const { account } = z.object({ account: z.string() }).parse(JSON.parse(made.stdout));
      expect(statSync(config).mode & 0o777).to.equal(0o600);
      expect(statSync(join(world.folder, "owner", "data", "key.json")).mode & 0o777).to.equal(0o600);
      const written = readFileSync(config, "utf8");
      expect(written).not.to.include("correct horse");
      expect((await assay("init", ...flags)).code).to.equal(2);
      expect(readFileSync(config, "utf8")).to.equal(written);
      await world.chain.provider.send("anvil_setBalance", [account, "0xde0b6b3a7640000"]);
    });

    it("stake leaves gas in the wallet; unstake takes what is free", async () => {
      const greedy = await assay("stake", "1");
      expect([greedy.code, greedy.stdout]).to.deep.equal([2, ""]);
      const printed = z.object({ freeWei: z.string(), before: z.object({ freeWei: z.string() }) });
      const staked = await assay("stake", "0.5", "--json");
      const amounts = printed.parse(JSON.parse(staked.stdout));
      expect([amounts.before.freeWei, amounts.freeWei]).to.deep.equal(["0", "500000000000000000"]);
      expect((await assay("unstake", "0.6")).code).to.equal(2);
    });

    it("doctor sees a healthy verifier, and a key that others can read", async () => {
      const schema = z.object({
        healthy: z.boolean(),
        findings: z.array(z.object({ check: z.string(), status: z.string(), remedy: z.string().optional() })),
      });
      const healthy = await assay("doctor", "--json");
      const found = schema.parse(JSON.parse(healthy.stdout));
      const failures = found.findings.filter(({ status }) => status === "fail");
      expect([healthy.code, found.healthy, failures]).to.deep.equal([0, true, []]);
      writeFileSync(join(world.folder, "open"), "correct horse\n", { mode: 0o644 });
      const sick = await assay(
        "doctor",
        "--json",
        "--role",
        "operator",
        "--password-file",
        join(world.folder, "open"),
      );
      const bad = schema.parse(JSON.parse(sick.stdout)).findings.filter(({ status }) => status === "fail");
      expect([sick.code, bad.map(({ check }) => check)]).to.deep.equal([1, ["password file"]]);
      expect(bad[0]?.remedy).to.include("chmod");
    });
  });

  describe("answers and disputes", () => {
    it("checks answers again: right, wrong, unanswered, and why not", async () => {
      const right = await verification("right");
      expect([right.state, right.result.verdict]).to.deep.equal(["answered", "right"]);
      const altered = await verification("altered");
      if (altered.result.verdict !== "wrong") throw new Error(altered.result.verdict);
      const exact = exactOutput(digits.model, handle("altered").input);
      const [output] = altered.result.outputs;
      const element = exact.findIndex((byte, i) => byte !== exact[exact.length - 1 - i]);
      expect(output?.firstWrong).to.deep.include({ element, canonical: true, allowed: 0 });
      expect(output?.firstWrong?.exact.text).to.equal(String(exact[element]));
      expect(output?.firstWrong?.published.text).to.equal(String(exact[exact.length - 1 - element]));
      expect(altered.result.onnxruntime).to.deep.equal({ ran: true, right: true, sameBytes: false });
      expect((await verification("unanswered")).result).to.deep.equal({ verdict: "unanswered", open: true });

      const empty = openWorkshop({
        content: { directory: join(world.folder, "empty") },
        inferenceLimitMs: 30_000,
      });
      try {
        const { result } = await verification("right", empty);
        expect(result).to.deep.include({
          verdict: "unchecked",
          code: "CONTENT_UNAVAILABLE",
          retryable: true,
        });
      } finally {
        await empty.close();
      }
    });

    it("knows what is open and due", async () => {
      const { state } = await readEverything(place);
      const party = {
        account: nodes[0]?.address ?? "0x",
        operator: true,
        verifier: true,
        serve: "all" as const,
      };
      const work = workOf(state, party, await now());
      expect(work.answers).to.deep.include({ count: 1, finalizable: 0 });
      expect([work.requests.count, work.challengeable, work.unsettled]).to.deep.equal([0, 3, 0]);
      const stranger = { ...party, account: `0x${"77".repeat(20)}` as const };
      const waiting = workOf(state, stranger, await now()).requests;
      expect([waiting.count, waiting.feesWei]).to.deep.equal([1, FEE]);
      expect(workOf(state, { ...stranger, serve: [] }, await now()).requests.count).to.equal(0);
    });

    it("has the contract's clocks while a dispute runs, and replays each kind of it", async () => {
      await start(1);
      await until(
        "the silent one is challenged",
        async () => (await history("silent")).result?.openGames === 1,
      );
      const running = await history("silent");
      const [game] = [...(running.result?.games.values() ?? [])];
      if (game === undefined || running.result === undefined) throw new Error("no game");
      const { resultId } = running.result;
      const block = await world.chain.provider.getBlock("latest");
      const blockTag = block?.number ?? "latest";
      const onChain = await place.contracts.game.clocksOf(
        game.disputeId,
        resultId,
        selectedNode(running.result, game),
        {
          blockTag,
        },
      );
      const [clock] = openClocks(running, block?.timestamp ?? 0);
      expect(clock?.onMove).to.equal("operator");
      // The view runs in the block's own time, or that of the one to come.
      expect(CLOCK - Number(onChain.operatorSeconds) - (clock?.operatorLeft ?? 0)).to.be.within(-2, 0);
      for (const name of ["altered", "step"]) await becomes(name, "refunded");
      await world.chain.provider.send("evm_increaseTime", [CLOCK + 1]);
      await becomes("silent", "refunded");
      for (const name of ["altered", "step", "silent"])
        await until(`${name} is settled`, async () => {
          const { result } = await history(name);
          return result !== undefined && isSettled(result);
        });

      let burned = 0n;
      for (const [name, verdict] of [
        ["altered", "output"],
        ["step", "step"],
        ["silent", "clock"],
      ] as const) {
        const found = await history(name);
        expect(found.result?.verdict).to.equal(verdict);
        const [dispute] = [...(found.result?.games.values() ?? [])];
        const subject = await findSubject(place, dispute?.disputeId ?? ZERO_HASH);
        expect(subject).to.deep.equal({ requestId: found.request.requestId, disputeId: dispute?.disputeId });
        expect((await findSubject(place, found.result?.resultId ?? ZERO_HASH)).requestId).to.equal(
          subject.requestId,
        );
        const money = moneyOf(found);
        const { bond } = found.request.request;
        expect(money).to.deep.include({
          bondWei: bond,
          refundedWei: FEE,
          unsettledWei: 0n,
          burnedWei: bond - bond / 4n,
        });
        expect(money?.games[0]).to.deep.include({
          shareWei: bond / 4n,
          returnedWei: money?.games[0]?.escrowWei,
        });
        burned += money?.burnedWei ?? 0n;
      }
      expect(burned).to.equal(await place.contracts.vault.burnedWei());
    });

    it("names the one number that decided, as the model itself gives it", async () => {
      const step = await readProven(place, await history("step"));
      if (step?.kind !== "step") throw new Error("no step was proved");
      const { program } = digits.model;
      const trace = exactTrace(digits.model, handle("step").input);
      const made = program.instructions[step.instruction];
      const tensor = trace.tensors[step.instruction];
      if (made === undefined || tensor === undefined) throw new Error("no such instruction");
      expect([step.instruction, step.element]).to.deep.equal([3, 25]);
      expect(step.exact).to.deep.equal(scalarOf(made.dtype, elementBits(made.dtype, tensor, 25)));
      expect(BigInt(step.claimed.bits) ^ BigInt(step.exact.bits)).to.equal(0x40_00_00n);

      const output = await readProven(place, await history("altered"));
      if (output?.kind !== "output") throw new Error("no output was proved");
      const [exact] = splitBlob(program.outputs, exactOutput(digits.model, handle("altered").input));
      expect(output.exact.text).to.equal(String(exact?.[output.element]));
      expect(await readProven(place, await history("silent"))).to.equal(undefined);
    });

    it("tells a dispute as a game record, with gas, clocks and names of operators", async () => {
      const found = await history("step");
      const receipts = await readPaid(
        place.provider,
        found.events.map(({ transaction }) => transaction),
      );
      const context = {
        instructions: digits.model.program.instructions.length,
        model: outlineOf(digits.model).instructions,
        receipts,
      };
      const moves = movesOf(replay(found), context);
      expect(moves.map(({ event }) => event)).to.deep.equal([
        ...[
          "Requested",
          "Fulfilled",
          "Challenged",
          "TraceCommitted",
          "Selected",
          "Revealed",
          "Selected",
          "Revealed",
        ],
        ...moves.slice(8).map(({ event }) => event),
      ]);
      expect(moves[8]?.event).to.equal("OperatorLost");
      const challenger = world.chain.wallet(1).address;
      const spent = moves.reduce(
        (sum, { paid }) => (paid?.from === challenger ? sum + paid.feeWei : sum),
        0n,
      );
      expect(spent > 0n).to.equal(true);
      const [first, second] = moves.filter(({ target }) => target !== undefined).map(({ target }) => target);
      expect([first?.tree, first?.instructions, second?.elements]).to.deep.equal(["tensor", [3, 3], [0, 63]]);
      expect(first?.operators).to.deep.equal([
        `${digits.model.nodes[3]?.operator ?? ""} ${digits.model.nodes[3]?.name ?? ""}`.trim(),
      ]);
      const [afterChallenge] = moves[2]?.clocks ?? [];
      expect(afterChallenge).to.deep.include({
        onMove: "operator",
        operatorLeft: CLOCK,
        challengerLeft: CLOCK,
      });
      expect(moves.at(-1)?.clocks).to.deep.equal([]);
      const others = movesOf(replay(found), context, ZERO_HASH);
      expect(others.some(({ event }) => event === "Selected")).to.equal(false);
    });

    it("believes no endpoint that changes what an id is the hash of", async () => {
      const found = await told("step");
      const { request: asked, result } = found;
      if (result === undefined) throw new Error("no answer");
      const record = await readRelease(place.contracts, place.provider, asked.request.releaseId);
      needAuthentic(world.deployment, found, record);
      const lies = [
        { history: { ...found, request: { ...asked, request: { ...asked.request, fee: 7n } } }, record },
        { history: { ...found, request: { ...asked, input: `${asked.input}00` as const } }, record },
        { history: { ...found, result: { ...result, output: `${result.output}00` as const } }, record },
        { history: found, record: { ...record, release: { ...record.release, atol: 1 } } },
      ];
      for (const lie of lies)
        expect(() => needAuthentic(world.deployment, lie.history, lie.record))
          .to.throw(AssayError)
          .with.property("code", "RPC_FAILED");
    });

    it("refuses ids that nobody knows", async () => {
      const unknown: Hex = `0x${"12".repeat(32)}`;
      expect(await codeOf(findSubject(place, unknown))).to.equal("NOT_FOUND");
      expect(await codeOf(readHistory(place, unknown))).to.equal("NOT_FOUND");
    });

    it("tries a remote signer with a transaction that nobody can use", async () => {
      const { chain, deployment } = world;
      const wallet = chain.wallet(8);
      const stub = await startSigner(wallet);
      try {
        const { chainId } = deployment;
        const ours = remoteSigner({ url: stub.url, address: hex.parse(wallet.address) });
        expect((await checkSigner(ours, chainId)).status).to.equal("ok");
        const raw = await walletSigner(wallet).sign({
          ...{ chainId, nonce: 2 ** 48, to: ours.address, data: "0x", value: 0n },
          ...{ gasLimit: 21_000, maxFeePerGas: 0n, maxPriorityFeePerGas: 0n },
        });
        expect(stub.requests[0]?.fields["nonce"]).to.equal("0x1000000000000");
        expect(await codeOf(chain.provider.send("eth_sendRawTransaction", [raw]))).not.to.equal("none");
        const another = remoteSigner({ url: stub.url, address: hex.parse(chain.wallet(6).address) });
        expect((await checkSigner(another, chainId)).status).to.equal("fail");
      } finally {
        await stub.stop();
      }
    });

    it("finds what is wrong with endpoints, contracts and this machine", async () => {
      const { deployment, chain } = world;
      const seconds = await now();
      const facts = await measureEndpoint(chain.url, deployment);
      expect(facts).to.deep.include({ missing: [], logSpan: facts.blocks });
      const statuses = judgeEndpoint(facts, deployment.chainId, seconds).map(({ status }) => status);
      expect(statuses).to.deep.equal(["ok"]);
      const elsewhere = {
        ...deployment,
        addresses: { ...deployment.addresses, game: `0x${"99".repeat(20)}` as const },
      };
      expect((await measureEndpoint(chain.url, elsewhere)).missing).to.deep.equal(["game"]);
      expect((await measureEndpoint("http://127.0.0.1:1", deployment)).info).to.equal(undefined);
      expect(await miswired(place.contracts)).to.deep.equal([]);
      const { referee } = deployment.addresses;
      const crossed = { ...deployment, addresses: { ...deployment.addresses, vault: referee } };
      const wrong = await miswired({ ...connect(crossed, place.provider), vault: place.contracts.vault });
      expect(wrong).to.deep.equal(["market.vault", "game.vault"]);
      const { vault } = place.contracts;
      expect(await miswired({ ...place.contracts, receiptsVault: vault })).to.deep.equal([
        "receiptsVault.market",
        "receiptsVault.game",
      ]);
      expect((await checkRuntime(workshop)).status).to.equal("ok");
      const rules = unpackParameters(await place.contracts.market.packedParameters());
      const record = await readRelease(place.contracts, place.provider, digits.releaseId);
      const unknown = { ...record, release: { ...record.release, fileSha256: ZERO_HASH } };
      const memory = { free: 2 ** 31, total: 2 ** 32, budget: 2 ** 30, maxTrace: 2 ** 28, workers: 1 };
      const checked = await checkReleases(workshop, [record, unknown], rules, memory);
      expect(checked.map(({ check, status }) => [check, status])).to.deep.equal([
        ["exact runs", "ok"],
        ["memory for releases", "ok"],
        ["releases", "ok"],
      ]);
    });
  });

  describe("commands about them", () => {
    it("verify, dispute and status print data on stdout alone, and end with codes that a script can use", async () => {
      const content = ["--content", world.contentDirectory, "--json"];
      const right = await assay("verify", handle("right").requestId, ...content);
      const wrong = await assay("verify", handle("step").requestId, ...content);
      const show = await assay("dispute", "show", handle("step").requestId, ...content);
      const list = await assay("dispute", "list", "--json");
      const status = await assay("status", "--json");
      const verdict = z.object({ result: z.object({ verdict: z.string() }) });
      expect([right.code, verdict.parse(JSON.parse(right.stdout)).result.verdict]).to.deep.equal([
        0,
        "right",
      ]);
      expect([wrong.code, verdict.parse(JSON.parse(wrong.stdout)).result.verdict]).to.deep.equal([
        5,
        "wrong",
      ]);
      const shown = z.object({ decidedBy: z.object({ instruction: z.number() }), operatorName: z.string() });
      expect(shown.parse(JSON.parse(show.stdout)).decidedBy.instruction).to.equal(3);
      const listed = z.array(z.object({ outcome: z.string() })).parse(JSON.parse(list.stdout));
      expect(listed.map(({ outcome }) => outcome)).to.deep.equal(Array(3).fill("operator lost"));
      const account = z.object({ freeWei: z.string(), work: z.object({ challengeable: z.number() }) });
      expect(account.parse(JSON.parse(status.stdout)).work.challengeable).to.equal(1);
      expect([right.stderr, wrong.stderr, list.stderr]).to.deep.equal(["", "", ""]);
    });

    it("model verify compares every field, and finds the one that lies", async () => {
      const atol = toleranceBits(0);
      const lie = { contentUri: "", atol, rtol: atol, royaltyBps: 0 };
      const { contracts, publisher, deployment } = world;
      const release = { ...releaseOf(digits.model, digits.release.modelId, lie), stepGas: 30_000 };
      const data = contracts.registry.interface.encodeFunctionData("publish", [
        release,
        digits.model.commitment.header,
        "http://127.0.0.1:1/",
      ]);
      await publisher.send({
        key: freshKey("publish"),
        label: "publish",
        to: deployment.addresses.registry,
        data,
      });
      const id = await contracts.registry.releaseIdOf(release);
      expect(await workshop.has(release.fileSha256)).to.equal(true);
      const schema = z.object({
        ok: z.boolean(),
        fields: z.array(z.object({ field: z.string(), ok: z.boolean() })),
      });
      const content = ["--content", world.contentDirectory, "--json"];
      const good = await assay("model", "verify", digits.releaseId, ...content);
      const bad = await assay("model", "verify", id, ...content);
      expect([good.code, schema.parse(JSON.parse(good.stdout)).ok]).to.deep.equal([0, true]);
      const wrong = schema.parse(JSON.parse(bad.stdout)).fields.filter(({ ok }) => !ok);
      expect([bad.code, wrong.map(({ field }) => field)]).to.deep.equal([5, ["step gas"]]);
    });

    it("careless use ends with a code and a word of advice, never a stack", async () => {
      const cases: readonly (readonly [code: number, ...args: string[]])[] = [
        [1, "verify", `0x${"12".repeat(32)}`],
        [2, "verify", "0x12"],
        [3, "verify", handle("right").requestId, "--content", join(world.folder, "nothing")],
        [3, "status", "--rpc", "http://127.0.0.1:1"],
      ];
      for (const [wanted, ...args] of cases) {
        const { code, stderr } = await assay(...args);
        expect(code, `${args.join(" ")}: ${stderr}`).to.equal(wanted);
        expect(stderr).not.to.match(/^\s+at /m);
      }
    });

    it("request tells its id before the answer, and how the fee returns without one", async () => {
      const input = join(world.folder, "owner", "input");
      writeFileSync(input, new Uint8Array(digits.model.inputBytes));
      const terms = ["--raw", input, "--operator", `0x${"77".repeat(20)}`, "--answer-seconds", "60"];
      const content = ["--content", world.contentDirectory];
      const child = launch(["request", digits.releaseId, ...terms, ...content, "--config", config, "--json"]);
      const ended = finished(child);
      let said = "";
      child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
      await until("it is paid for", () => said.endsWith("\n") || child.exitCode !== null);
      const [, requestId = ""] = /^request (0x[0-9a-f]{64})$/m.exec(said) ?? [];
      expect(requestId, said).not.to.equal("");
      expect((await place.contracts.market.statusOf(requestId)).state).to.equal(1n);
      await pass(world, 61);
      const { code, stdout, stderr } = await ended;
      expect([code, stdout], stderr).to.deep.equal([1, ""]);
      expect(stderr).to.include("UNANSWERED").and.include(`\`assay refund ${requestId}\``);
    });
  });
});
