import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { IVault__factory } from "../../../types/ethers-contracts/index.js";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { bytes32, hex, toHex, type Hex } from "../../../sdk/src/structs.ts";
import { openDatabase, type Database } from "./database.ts";
import { openLogs, type LogStore, type SubjectLog } from "./logs.ts";
import { createProfit, type Profit } from "./profit.ts";

const address = (n: number): Hex => toHex(Buffer.alloc(20, n));
const hash = (n: number): Hex => toHex(Buffer.alloc(32, n));
const [ME, OTHER, VAULT] = [address(1), address(2), address(3)];
const deployment: Deployment = {
  chainId: 1,
  block: 1,
  addresses: {
    registry: address(4),
    market: address(5),
    game: address(6),
    referee: address(7),
    directory: address(8),
    receipts: address(9),
    receiptsVault: address(10),
    receiptsGame: address(11),
    deposits: address(12),
    vault: VAULT,
  },
};
const vault = IVault__factory.createInterface();

describe("an account's profit from the database", () => {
  let folder: string;
  let database: Database;
  let logs: LogStore;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "assay-profit-"));
    database = await openDatabase({ directory: folder });
    logs = await openLogs(database, { deployment: "1:0xab", fromBlock: 1, depth: 5 });
  });

  after(async () => {
    await database.destroy();
    rmSync(folder, { recursive: true });
  });

  function entry(block: number, index: number, log: ReturnType<typeof vault.encodeEventLog>): SubjectLog {
    const place = { blockNumber: block, logIndex: index, blockHash: hash(block), timestamp: block };
    const topics = log.topics.map((topic) => bytes32.parse(topic));
    const data = hex.parse(log.data);
    return {
      log: { ...place, address: VAULT, topics, data, transaction: hash(100 + block) },
      subject: ME,
      live: false,
    };
  }

  const settled = (wei: bigint) => vault.encodeEventLog("Settled", [ME, 1n, wei, 0n, 0n]);
  const forfeited = (from: Hex, to: Hex, wei: bigint) => vault.encodeEventLog("Forfeited", [from, to, wei]);
  const burned = (from: Hex, wei: bigint) => vault.encodeEventLog("Burned", [from, wei]);

  async function append(block: number, ...found: ReturnType<typeof vault.encodeEventLog>[]): Promise<void> {
    const at = await logs.position();
    const entries = found.map((log, i) => entry(block, i, log));
    expect(await logs.append(at, entries, { number: block, hash: hash(block) })).not.to.equal(undefined);
  }

  it("adds what is new, and begins anew after a reorganisation", async () => {
    const look = createProfit(database, logs, deployment, ME);
    const sums = async (): Promise<Profit | undefined> => look();
    expect(await sums()).to.deep.equal({ fees: 0n, won: 0n, lost: 0n, gas: 0n });
    await append(1, vault.encodeEventLog("Deposited", [ME, 50n]), settled(7n));
    expect(await sums()).to.deep.equal({ fees: 7n, won: 0n, lost: 0n, gas: 0n });
    await append(2, forfeited(OTHER, ME, 20n), burned(ME, 3n), forfeited(ME, OTHER, 1n));
    const both = { fees: 7n, won: 20n, lost: -4n, gas: 0n };
    expect(await sums()).to.deep.equal(both);
    expect(await sums()).to.deep.equal(both);
    await logs.undo(await logs.position(), 1);
    expect(await sums()).to.deep.equal({ fees: 7n, won: 0n, lost: 0n, gas: 0n });
    await append(2, settled(100n));
    await append(3, settled(1000n));
    expect(await sums()).to.deep.equal({ fees: 1107n, won: 0n, lost: 0n, gas: 0n });
    expect(await createProfit(database, logs, deployment, ME)()).to.deep.equal(await sums());
    expect((await createProfit(database, logs, deployment, OTHER)())?.fees).to.equal(0n);
  });
});
