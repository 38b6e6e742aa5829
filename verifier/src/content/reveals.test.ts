import type { RequestListener } from "node:http";
import { expect } from "chai";
import { wholeClaim, type ClaimedTrace } from "../../../program/src/claim.ts";
import { commitProgram } from "../../../program/src/commit.ts";
import { depthOf } from "../../../program/src/merkle.ts";
import { computeTrace } from "../../../program/src/trace.ts";
import type { Hex, Node } from "../../../sdk/src/structs.ts";
import { addOnes } from "../../test/addOnes.ts";
import { createBench } from "../../test/content.ts";
import { OPERATOR, simulate, type Simulation } from "../../test/simulation.ts";
import { testLog } from "../../test/world.ts";
import { serveHttp, type HttpServer } from "../http/server.ts";
import { findEvidence, type Evidence, type HonestRun } from "../play/evidence.ts";
import { factsOf } from "../play/facts.ts";
import { planChallenger, planOperator } from "../play/planner.ts";
import { gatherReveals, isRevealOf, revealOf, withKnown, type Known } from "../play/reveals.ts";
import { answerWith, defend } from "../play/trace.ts";
import { createClient, type HttpClient } from "./client.ts";
import { fetchReveal, revealPath, revealRoutes } from "./reveals.ts";

const ALICE: Hex = `0x${"a1".repeat(20)}`;
/** 79 leaves: two levels of reveals and a leaf. */
const ELEMENTS = 20_000;
/** 8 levels: two of reveals, of which the commitment shows one. */
const INSTRUCTIONS = 150;

const program = addOnes(INSTRUCTIONS, ELEMENTS);
const depth = depthOf(INSTRUCTIONS);

describe("reveals over HTTP", () => {
  const input = Uint8Array.from({ length: ELEMENTS }, (_, i) => i % 253);
  const commitment = commitProgram(program);
  const trace = computeTrace(program, [input]);
  const run: HonestRun = { program, commitment, inputs: [input], trace };
  /** Wrong from instruction 97 on, in one byte. */
  const WRONG = 15_000;
  const lie = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === WRONG ? byte ^ 1 : byte));
  const claimed: ClaimedTrace = wholeClaim(trace.tensors.map((tensor, k) => (k < 97 ? tensor : lie(tensor))));
  const published = (trace.outputs[0] ?? new Uint8Array()).map((byte, i) => (i === 31 ? byte ^ 1 : byte));

  const defended = defend(depth, claimed);

  const bench = createBench();
  let client: HttpClient;
  let server: HttpServer;
  let game: Simulation;
  let resultId: Hex;

  before(async () => {
    client = createClient(true);
    game = simulate(commitment.header, input, published, depth);
    ({ resultId } = game.trial().result);
    const reveal = (id: Hex, node: Node): Promise<Uint8Array | undefined> =>
      id === resultId ? revealOf(defended, node) : Promise.resolve(undefined);
    const health = () => ({ ready: true });
    const routes = [revealRoutes({ reveal })];
    server = await serveHttp({ host: "127.0.0.1", port: 0, log: testLog, health, routes });
    game.perform({ kind: "challenge" }, ALICE);
    for (const { move } of planOperator(game.trial()))
      game.perform(await answerWith(defended, move), OPERATOR);
  });
  after(async () => {
    client.close();
    await server.close();
    await bench.clear();
  });

  const search = (known: Known): Evidence => {
    const facts = factsOf(game.trial(), ALICE);
    if (facts === undefined) throw new Error("no trace");
    return findEvidence(run, withKnown(facts, known));
  };
  const ask =
    (bases: readonly string[]) =>
    (node: Node): Promise<Uint8Array | undefined> =>
      fetchReveal(
        client,
        bases.map((base) => ({ base, trusted: false })),
        resultId,
        node,
      );
  const firstHidden = (): Node => {
    const evidence = search(new Map());
    if (evidence.kind !== "hidden") throw new Error("nothing is hidden");
    return evidence.selection.node;
  };

  it("let a challenger prove its case in three transactions", async () => {
    const { finding, known } = await gatherReveals(search, ask([server.url]));
    expect(known.size).to.equal(4);
    const next = planChallenger(game.trial(), ALICE, finding);
    if (next?.move.kind !== "prove") throw new Error("no proof");
    expect([next.move.instruction, next.move.element]).to.deep.equal([97, WRONG]);
    game.perform(next.move, ALICE);
    expect(game.moves.join(" ")).to.equal("challenge commitTrace prove");
    // What is known already is not asked for again.
    const again = await gatherReveals(search, () => Promise.reject(new Error("asked again")), known);
    expect(again.finding.kind).to.equal("proof");
  });

  it("pass over those who lie, flood, or have nothing", async () => {
    const flood: RequestListener = (_request, response) => response.end(Buffer.alloc(100_000));
    const wrong: RequestListener = (_request, response) => response.end(Buffer.alloc(64));
    const nothing: RequestListener = (_request, response) => response.writeHead(404).end();
    const bad = await Promise.all([flood, wrong, nothing].map((handle) => bench.listen(handle)));
    const { finding } = await gatherReveals(search, ask([...bad, server.url]));
    expect(finding.kind).to.equal("proof");
    const alone = await gatherReveals(search, ask(bad));
    expect([alone.finding.kind, alone.known.size]).to.deep.equal(["hidden", 0]);
    // One that gets past the client is not believed either.
    const fooled = await gatherReveals(search, () => Promise.resolve(new Uint8Array(64)));
    expect([fooled.finding.kind, fooled.known.size]).to.deep.equal(["hidden", 0]);
    const guarded = createClient(false);
    const source = [{ base: server.url, trusted: false }];
    expect(await fetchReveal(guarded, source, resultId, firstHidden())).to.equal(undefined);
  });

  it("end, also if the nodes shown never do", async () => {
    const children = await revealOf(defended, firstHidden());
    const same = search(new Map());
    let rounds = 0;
    const { finding } = await gatherReveals(
      () => {
        rounds++;
        return same;
      },
      () => Promise.resolve(children),
    );
    expect(finding.kind).to.equal("hidden");
    expect(rounds).to.be.at.most(20);
  });

  it("are refused for what is no node of the trace on trial", async () => {
    const node = firstHidden();
    const status = async (path: string): Promise<number> => (await fetch(`${server.url}${path}`)).status;
    expect(await status(revealPath(resultId, node))).to.equal(200);
    const other: Hex = `0x${"12".repeat(32)}`;
    const absent: Partial<Node>[] = [
      { hash: other },
      { index: node.index + 1 },
      { index: 2 ** 32 - 1 },
      { height: 32 },
      { height: 0 },
      { tensor: true, instruction: 2 ** 32 - 1 },
    ];
    for (const change of absent)
      expect(await status(revealPath(resultId, { ...node, ...change })), JSON.stringify(change)).to.equal(
        404,
      );
    expect(await status(revealPath(other, node))).to.equal(404);
    const path = revealPath(resultId, node);
    const malformed = [
      path.replace(resultId, "0x12"),
      path.replace("/trace/", "/forest/"),
      path.replace(node.hash, `${node.hash}00`),
      path.replace("instruction=0", "instruction=-1"),
      path.replace("instruction=0", "instruction=4294967296"),
      path.replace("index=", "index=1&index="),
      path.replace(`/${node.height}/`, "/33/"),
    ];
    for (const text of malformed) expect(await status(text), text).to.equal(400);
  });

  it("are shown to strangers one at a time, and not to all who wait", async () => {
    let [shown, most] = [0, 0];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const routes = [
      revealRoutes({
        async reveal() {
          most = Math.max(most, ++shown);
          await held;
          shown--;
          return undefined;
        },
      }),
    ];
    const options = { host: "127.0.0.1", port: 0, log: testLog, routes };
    const crowded = await serveHttp({ ...options, health: () => ({ ready: true }) });
    const node: Node = { hash: resultId, tensor: true, height: 0, instruction: 0, index: 0 };
    const asked = Array.from({ length: 40 }, async () => {
      const { status } = await fetch(`${crowded.url}${revealPath(resultId, node)}`);
      // Whoever is sent away hears of it at once.
      if (status === 503) release();
      return status;
    });
    const statuses = await Promise.all(asked);
    await crowded.close();
    expect([statuses.includes(404), statuses.includes(503), most]).to.deep.equal([true, true, 1]);
  });

  it("are checked as the contract does", async () => {
    const at = (tensor: boolean, height: number, instruction: number, index: number): Node => {
      const hash = tensor ? claimed.tensorNode(instruction, height, index) : claimed.node(height, index);
      return { hash: `0x${Buffer.from(hash).toString("hex")}`, tensor, height, instruction, index };
    };
    // A whole node, one with padding below, a tensor's root, a leaf, the last leaf.
    const nodes = [
      at(false, 2, 0, 0),
      at(false, 2, 0, 37),
      at(true, 7, 99, 0),
      at(true, 0, 99, 3),
      at(true, 0, 99, 78),
    ];
    for (const node of nodes) {
      const children = (await revealOf(defended, node)) ?? new Uint8Array();
      const name = JSON.stringify(node);
      expect(isRevealOf(node, children), name).to.equal(true);
      const altered = children.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
      const longer = new Uint8Array([...children, ...new Uint8Array(32)]);
      for (const wrong of [
        altered,
        children.subarray(1),
        children.subarray(32),
        longer.subarray(0, -1),
        new Uint8Array(),
      ])
        expect(isRevealOf(node, wrong), name).to.equal(false);
      expect(isRevealOf({ ...node, height: node.height + 1 }, children), name).to.equal(false);
    }
    expect(isRevealOf(at(true, 7, 99, 0), new Uint8Array(65 * 32))).to.equal(false);
    // A leaf of the trace is a tensor's root: what is below it is the tensor's.
    expect(await revealOf(defended, at(false, 0, 0, 5))).to.equal(undefined);
    expect((await revealOf(defended, at(true, 7, 5, 0)))?.length).to.equal(40 * 32);
  });
});
