/** `hardhat deploy` as a user runs it, against both chains that developers use, each its own process. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { expect } from "chai";
import { JsonRpcProvider, ZeroAddress } from "ethers";
import { freePort, startAnvil } from "../scripts/anvil.ts";
import { checkChain, connect } from "../sdk/src/contracts.ts";
import { readDeployment } from "../sdk/src/deploymentFile.ts";
import { deployTo } from "../verifier/test/chain.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const HARDHAT = join(ROOT, "node_modules", "hardhat", "dist", "src", "cli.js");

interface Chain {
  readonly url: string;
  stop(): Promise<void>;
}

async function startHardhatNode(): Promise<Chain> {
  const port = await freePort();
  const args = [HARDHAT, "node", "--hostname", "127.0.0.1", "--port", String(port)];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  for (let i = 0; i < 600 && child.exitCode === null; i++) {
    if (output.includes("Started HTTP")) return { url: `http://127.0.0.1:${port}`, stop };
    await sleep(100);
  }
  await stop();
  throw new Error(`hardhat node did not start: ${output}`);
}

const CHAINS: readonly (readonly [string, () => Promise<Chain>])[] = [
  ["anvil", startAnvil],
  ["Hardhat's node", startHardhatNode],
];

describe("the deployment script", function () {
  this.timeout(120_000);

  for (const [name, start] of CHAINS)
    it(`deploys to ${name} and records what it deployed`, async () => {
      const chain = await start();
      const folder = mkdtempSync(join(tmpdir(), "assay-deploy-"));
      try {
        const file = join(folder, "local.json");
        // Of a chain that is no more, by sources that deployed less.
        writeFileSync(file, JSON.stringify({ chainId: 31337, addresses: { market: ZeroAddress } }));
        const env = { ...process.env, LOCAL_RPC_URL: chain.url };
        const args = [HARDHAT, "deploy", "--network", "local", "--yes", "--out", file];
        await run(process.execPath, args, { cwd: ROOT, env });
        const deployment = readDeployment(file);
        const provider = new JsonRpcProvider(chain.url, undefined, { cacheTimeout: -1 });
        await checkChain(deployment, provider);
        const { market, game, vault } = connect(deployment, provider);
        expect((await market.parameters()).minWindow).to.equal(10n);
        expect(await vault.burnedWei()).to.equal(0n);
        expect(await game.getAddress()).to.equal(deployment.addresses.game);
        provider.destroy();
      } finally {
        await chain.stop();
        rmSync(folder, { recursive: true });
      }
    });

  it("deploys at once to chains that began in the same second", async () => {
    const timestamp = Math.floor(Date.now() / 1000);
    const chains = await Promise.all([startAnvil({ timestamp }), startAnvil({ timestamp })]);
    try {
      const [one, other] = await Promise.all(chains.map(({ url }) => deployTo(url)));
      expect(one?.addresses).to.deep.equal(other?.addresses);
    } finally {
      await Promise.all(chains.map((chain) => chain.stop()));
    }
  });
});
