/** What happens: honest answers are delivered, a frivolous challenge fails, three lies are overturned. */
import { setTimeout as sleep } from "node:timers/promises";
import { keccak256 } from "ethers";
import { waitForAnswer } from "../../sdk/src/answer.ts";
import { parseRequested, type RequestHandle } from "../../sdk/src/request.ts";
import { readRelease } from "../../sdk/src/release.ts";
import { REQUEST_STATES, type RequestStateName } from "../../sdk/src/states.ts";
import type { DisputeGame } from "../../types/ethers-contracts/index.js";
import { FEE, OPERATORS, testSet, WINDOW_SECONDS, type Stage } from "./stage.ts";

/** Name of the request to the float model. */
const FLOAT = "float";

export interface Story {
  readonly requests: ReadonlyMap<string, RequestHandle>;
  readonly ends: ReadonlyMap<string, RequestStateName>;
  /** Digit that the image shows. */
  readonly label: number;
}

/** In the order of `Verdict` in contracts/interfaces/Types.sol. */
const VERDICTS = [
  "",
  "its clock ran out",
  "one element of its trace is wrong",
  "its output is not its trace's",
];

async function ask(stage: Stage): Promise<{ requests: Map<string, RequestHandle>; label: number }> {
  const { contracts, readers, hashes } = stage;
  const { inputs, labels } = testSet("digits");
  const image = inputs[0] ?? Buffer.alloc(64);
  const sample = testSet("breast-cancer").inputs[0] ?? Buffer.alloc(120);
  const sent = [];
  for (const operator of OPERATORS) sent.push(await readers[operator].read(image, { value: FEE }));
  sent.push(await hashes.ask(sample, { value: FEE }));
  const requests = new Map<string, RequestHandle>();
  for (const [i, transaction] of sent.entries()) {
    const receipt = await transaction.wait();
    if (receipt !== null) requests.set(OPERATORS[i] ?? FLOAT, parseRequested(contracts, receipt));
  }
  return { requests, label: labels[0] ?? -1 };
}

async function challengeFrivolously(stage: Stage, handle: RequestHandle): Promise<void> {
  const { contracts, provider, deployed, actors, digits } = stage;
  const { operator, output } = await waitForAnswer(contracts, provider, handle, {
    timeoutSeconds: 60,
    pollSeconds: 0.3,
  });
  const { release } = await readRelease(contracts, provider, digits);
  const claim = { request: handle.request, release, operator, outputHash: keccak256(output) };
  await (await deployed.game.connect(actors.crank.wallet).challenge(claim)).wait();
}

async function howLost(game: DisputeGame, operator: string): Promise<string> {
  const challenged = await game.queryFilter(game.filters.Challenged());
  const mine = challenged.find(({ args }) => args.claim.operator === operator);
  const [lost] = await game.queryFilter(game.filters.OperatorLost(mine?.args.resultId));
  return VERDICTS[Number(lost?.args.verdict ?? 0)] ?? "";
}

/** @throws Error if the story is not over after `limitSeconds`. */
export async function tell(stage: Stage, say: (text: string) => void, limitSeconds: number): Promise<Story> {
  const { deployed, actors, readers } = stage;
  const { market, game } = deployed;
  const { requests, label } = await ask(stage);
  say(
    `A consumer contract asks each operator which digit an image shows (it is a ${label}); another one asks the float model.`,
  );
  const honest = requests.get("honest");
  if (honest === undefined) throw new Error("the honest operator was not asked");
  await challengeFrivolously(stage, honest);
  say("A frivolous challenger, crank, challenges the honest answer.");

  const ends = new Map<string, RequestStateName>();
  const until = Date.now() + limitSeconds * 1000;
  while (ends.size < requests.size) {
    if (Date.now() > until)
      throw new Error(`not over after ${limitSeconds} s; ended: ${[...ends.keys()].join(", ")}`);
    for (const [name, { requestId }] of requests) {
      if (ends.has(name)) continue;
      const state = REQUEST_STATES[Number((await market.statusOf(requestId)).state)] ?? "none";
      if (state === "delivered") {
        ends.set(name, state);
        if (name !== "honest" && name !== FLOAT)
          throw new Error(
            `the lie of ${name} is final: its window of ${WINDOW_SECONDS} s was over before the verifier had looked. Is this machine very busy?`,
          );
        const what =
          name === "honest"
            ? `honest answer is final; its consumer reads a ${await readers.honest.digitOf(requestId)}`
            : "float answer is final and delivered";
        say(`The ${what}.`);
      } else if (state === "overturned" || state === "refunded") {
        // The verifier's node calls for the refund too, unasked.
        ends.set(name, "overturned");
        const operator = OPERATORS.find((candidate) => candidate === name) ?? "liar";
        say(`${name} is overturned: ${await howLost(game, actors[operator].wallet.address)}.`);
      }
    }
    await sleep(300);
  }
  // The nodes collect what they won and call for the refunds, all by themselves.
  const settled = async (): Promise<boolean> => {
    const bonds = await game.queryFilter(game.filters.BondSettled());
    const games = await game.queryFilter(game.filters.GameSettled());
    const refunds = await market.queryFilter(market.filters.Refunded());
    return bonds.length >= 3 && games.length >= 4 && refunds.length >= 3;
  };
  while (!(await settled())) {
    if (Date.now() > until) throw new Error(`not settled after ${limitSeconds} s`);
    await sleep(300);
  }
  say(
    "Every game is settled; the nodes have collected what they won and sent the fees of wrong answers home.",
  );
  return { requests, ends, label };
}
