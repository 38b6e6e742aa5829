/**
 * `npm run simulate -- --seed N --minutes M`: node processes of the product on a real chain, with liars among them, while
 * endpoints fail, the chain is reorganised, processes are killed and peers are hostile. Some are asked on chain, some over HTTP for
 * receipts (door/), which are handed to verifiers. At the end the chain itself says whether an honest account lost anything, a lie
 * stands, or a move was made twice, and the books of client and operators whether anybody was charged for what it did not get.
 *
 * Everything that happens is drawn from the seed (faults.ts has the fault model, requests.ts what is asked, door/plan.ts what is
 * ordered): the same seed gives the same schedule. What varies is how far the processes have come when it strikes, and so which of
 * their calls it hits.
 *
 * The play lasts M minutes; before it contracts are deployed and models published, after it nothing goes wrong any more and every
 * dispute comes to its end (up to six minutes); then seven days pass on the chain, after which nobody can challenge a receipt, and
 * lost games are settled. Progress goes to stderr; the last line on stdout is one JSON object. The exit code is 0 only if no
 * invariant was broken; otherwise, and with --keep, the folder with all logs is kept. With 15 minutes or more one node of each role
 * is never killed, and its memory must stay flat.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startAnvil } from "../anvil.ts";
import { playCranks } from "./cranks.ts";
import { direct } from "./director.ts";
import { doorPlanOf } from "./door/plan.ts";
import { openDoor } from "./door/play.ts";
import { drain } from "./drain.ts";
import { gatherFacts } from "./facts.ts";
import { scheduleOf, type FaultKind } from "./faults.ts";
import { createHand } from "./hand.ts";
import { brokenInvariants } from "./invariants.ts";
import { SAMPLE_SECONDS } from "./memory.ts";
import { describeModels } from "./models.ts";
import { startHostilePeers } from "./peers.ts";
import { sampleMemory, type Supervised } from "./processes.ts";
import type { Proxy } from "./proxy.ts";
import { stream } from "./random.ts";
import { brokenByProcesses, reportOf } from "./report.ts";
import { requestsOf } from "./requests.ts";
import { BLOCK_SECONDS } from "./rules.ts";
import { setStage } from "./stage.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    minutes: { type: "string", default: "2" },
    keep: { type: "boolean", default: false },
  },
});
const [seed, minutes] = [Number(values.seed), Number(values.minutes)];
if (!Number.isSafeInteger(seed) || seed < 0 || !(minutes > 0)) {
  console.error(
    "usage: npm run simulate -- --seed N --minutes M [--keep]; N a whole number from 0 on, M above 0",
  );
  process.exit(2);
}

const seconds = minutes * 60;
const schedule = scheduleOf(seed, seconds);
const plan = requestsOf(seed, seconds);
const doorPlan = doorPlanOf(seed, seconds);
const directory = mkdtempSync(join(tmpdir(), "assay-simulate-"));
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, "schedule.json"), JSON.stringify(schedule, undefined, 1));

const launched = Date.now();
let began: number | undefined;
const elapsed = (): number => (began === undefined ? -1 : (Date.now() - began) / 1000);
function say(text: string): void {
  const at = began === undefined ? (Date.now() - launched) / 1000 - 1000 : elapsed();
  console.error(`${at < 0 ? "  set-up" : `${at.toFixed(1).padStart(6)} s`}  ${text}`);
}

const faults = new Map<FaultKind, number>();
const onFault = (kind: FaultKind): void => void faults.set(kind, (faults.get(kind) ?? 0) + 1);

const started: { processes: Supervised[]; proxies: Proxy[] } = { processes: [], proxies: [] };
const peers = await startHostilePeers();
const chain = await startAnvil({ blockSeconds: BLOCK_SECONDS });
const exits = new Map<string, string>();
let good = false;

async function stopProcesses(): Promise<void> {
  await Promise.all(started.processes.map(async (process) => exits.set(process.name, await process.stop())));
}

async function play(): Promise<boolean> {
  const rpcUrl = chain.url;
  const stage = await setStage({ seed, schedule, rpcUrl, directory, peers, elapsed, onFault }, started);
  const requester = await createHand(stage.accounts.requester.wallet);
  const cranks = {
    "crank-0": await createHand(stage.accounts["crank-0"].wallet),
    "crank-1": await createHand(stage.accounts["crank-1"].wallet),
  };
  const hands = [requester, ...Object.values(cranks)];
  const models = describeModels();
  const { proxies } = started;
  const door = await openDoor({
    ...{ stage, models, plan: doorPlan, hands: cranks, seed, seconds, directory, rpcUrl, proxies },
    ...{ elapsed, onFault, say },
  });
  const { blows, reorgs } = schedule;
  say(
    `everything stands; ${plan.length} requests, ${doorPlan.orders.length} orders, ${blows.length} blows, ${reorgs.length} reorganisations to come`,
  );

  began = Date.now();
  const sampling = setInterval(() => sampleMemory(started.processes), SAMPLE_SECONDS * 1000);
  const curtain = new AbortController();
  const playing = playCranks({
    stage,
    models,
    plan,
    hands: cranks,
    rng: stream(seed, "cranks"),
    signal: curtain.signal,
  });
  const rng = stream(seed, "lost transactions");
  const [happened] = await Promise.all([
    direct({ stage, schedule, plan, requester, hands, rng, elapsed, say }),
    door.play(),
  ]);
  say("nothing goes wrong any more");
  for (const hand of hands) await hand.repeat();
  const over = await Promise.all([drain(stage, requester, say), door.drain()]);
  curtain.abort();
  await playing;
  // What should have happened by now must not get seven days more.
  if (over.every(Boolean)) await door.expire();
  await door.askAgain();
  await door.stop();
  clearInterval(sampling);

  say("reading the chain");
  await stopProcesses();
  const facts = await gatherFacts(stage, plan, happened.failedOnce, () => door.facts());
  const doorCounts = door.counts();
  const broken = [...brokenInvariants(facts), ...brokenByProcesses(started.processes, exits)];
  const { processes } = started;
  const report = reportOf({
    seed,
    minutes,
    facts,
    faults,
    peerCalls: peers.calls,
    happened,
    doorCounts,
    processes,
    exits,
    broken,
  });
  stage.provider.destroy();
  for (const { invariant, what } of broken) say(`BROKEN ${invariant}: ${what}`);
  console.log(JSON.stringify(report));
  return broken.length === 0;
}

try {
  good = await play();
} catch (error) {
  console.error(error);
} finally {
  if (exits.size === 0) await stopProcesses();
  await Promise.all(started.proxies.map((proxy) => proxy.close()));
  await peers.close();
  await chain.stop();
}
if (good && !values.keep) rmSync(directory, { recursive: true, force: true });
else console.error(`The logs are in ${directory}.`);
process.exit(good ? 0 : 1);
