/** The closing account: who has what, what each step cost, and whether all of it really happened. */
import { formatEther } from "ethers";
import { table } from "table";
import { factsOfDoor, type Door } from "./door.ts";
import { gasByStep } from "./gas.ts";
import { BOND, OPERATORS, STAKE, type ActorName, type Stage } from "./stage.ts";
import type { Story } from "./story.ts";

const LIARS = ["liar", "cheapskate", "ghost"] as const;
const STAKED: readonly ActorName[] = ["honest", "verifier", ...LIARS, "crank"];

interface Money {
  /** Ledger account after everything, wei. */
  readonly ledger: ReadonlyMap<ActorName, { readonly free: bigint; readonly locked: bigint }>;
  readonly burned: bigint;
  readonly royalties: bigint;
  readonly protocolFees: bigint;
  readonly refunded: bigint;
  /** The vault's balance. */
  readonly held: bigint;
}

async function count({ deployed, provider, actors }: Stage): Promise<Money> {
  const { vault, deployer } = deployed;
  const ledger = new Map<ActorName, { free: bigint; locked: bigint }>();
  for (const name of STAKED) {
    const { freeWei, lockedWei } = await vault.accountOf(actors[name].wallet.address);
    ledger.set(name, { free: freeWei, locked: lockedWei });
  }
  const models = [1, 2];
  const sum = async (read: (modelId: number) => Promise<bigint>): Promise<bigint> =>
    (await Promise.all(models.map(read))).reduce((a, b) => a + b, 0n);
  return {
    ledger,
    burned: await vault.burnedWei(),
    royalties: await sum((modelId) => vault.royaltyOf(modelId)),
    protocolFees: await sum((modelId) => vault.protocolFeeOf(modelId)),
    refunded: (await vault.accountOf(deployer)).freeWei,
    held: await provider.getBalance(await vault.getAddress()),
  };
}

function has({ ledger }: Money, name: ActorName): bigint {
  const { free, locked } = ledger.get(name) ?? { free: 0n, locked: 0n };
  return free + locked;
}

function show(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const columns = head.map((_, i) => ({ alignment: i === 0 ? ("left" as const) : ("right" as const) }));
  console.log(
    `\n${table([head, ...rows], { columns, drawHorizontalLine: (i, n) => i < 2 || i === n }).trimEnd()}`,
  );
}

function signed(wei: bigint): string {
  return `${wei < 0n ? "" : "+"}${formatEther(wei)}`;
}

/** Prints tables, facts and, as the last line, JSON. @returns whether everything happened that should have. */
export async function report(stage: Stage, story: Story, door: Door): Promise<boolean> {
  const { deployed, provider, readers, hashes } = stage;
  const { vault, game } = deployed;
  const money = await count(stage);
  show(
    ["ETH", "staked", "has now", "difference"],
    STAKED.map((name) => {
      const now = has(money, name);
      return [name, formatEther(STAKE), formatEther(now), signed(now - STAKE)];
    }),
  );
  show(
    ["ETH", "in the vault"],
    [
      ["fees returned to the asker", formatEther(money.refunded)],
      ["the models' royalties", formatEther(money.royalties)],
      ["protocol fees", formatEther(money.protocolFees)],
      ["burned", formatEther(money.burned)],
    ],
  );
  const consumers = await Promise.all(
    [...OPERATORS.map((name) => readers[name]), hashes].map((c) => c.getAddress()),
  );
  const gas = await gasByStep(provider, deployed, consumers, deployed.block);
  show(
    ["step (dearest call)", "gas"],
    Object.entries(gas).map(([step, used]) => [step, used.toLocaleString("en")]),
  );

  const ends = [...story.ends];
  const delivered = ends.filter(([, state]) => state === "delivered").length;
  const overturned = ends.filter(([, state]) => state === "overturned").length;
  const verdicts = (await game.queryFilter(game.filters.OperatorLost())).map(({ args }) =>
    Number(args.verdict),
  );
  const settled = await game.queryFilter(game.filters.GameSettled());
  const challengerPaid = settled.reduce((sum, { args }) => sum + args.shareWei, 0n);
  const slashed = (await vault.queryFilter(vault.filters.Forfeited())).length;
  const lost = LIARS.reduce((sum, name) => sum + STAKE - has(money, name), 0n);
  const digit = await readers.honest.digitOf(story.requests.get("honest")?.requestId ?? "");
  const ledger = STAKED.reduce((sum, name) => sum + has(money, name), 0n);
  const parts = ledger + money.refunded + money.burned + money.royalties + money.protocolFees;
  const facts: readonly (readonly [string, boolean])[] = [
    ["two answers were delivered", delivered === 2],
    [`the consumer read the right digit, a ${story.label}`, Number(digit) === story.label],
    ["three lies were overturned", overturned === 3],
    ["by the clock, by one element of a trace, by the output", verdicts.sort().join() === "1,2,3"],
    ["each liar lost its whole bond", lost === BigInt(LIARS.length) * BOND && slashed > 0],
    [
      "the verifier got a quarter of each bond",
      challengerPaid === lost / 4n && has(money, "verifier") > STAKE,
    ],
    [
      "the frivolous challenger lost its bond, half of it to the honest operator",
      has(money, "crank") < STAKE && has(money, "honest") > STAKE,
    ],
    ["nothing is locked any more", [...money.ledger.values()].every(({ locked }) => locked === 0n)],
    ["every wei in the vault is accounted for", money.held === parts],
    ...factsOfDoor(door, story.label),
  ];
  console.log();
  for (const [fact, holds] of facts) console.log(`${holds ? "yes" : "NO "}  ${fact}`);
  console.log();
  console.log(
    JSON.stringify({
      delivered,
      overturned,
      slashedWei: lost.toString(),
      challengerPaidWei: challengerPaid.toString(),
      receiptSlashedWei: door.slashedWei.toString(),
      gas,
    }),
  );
  return facts.every(([, holds]) => holds);
}
