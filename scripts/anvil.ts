/**
 * A real chain as its own process on loopback: anvil, with the calldata floor price of EIP-7623 (Prague rules).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Anvil {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

export interface AnvilOptions {
  /** Seconds between blocks; absent: a block per transaction. */
  readonly blockSeconds?: number;
  readonly chainId?: number;
  /** Of the first block, unix seconds. Default: now. */
  readonly timestamp?: number;
  /** Of a chain that it stands in for; by default anvil's own, with the rules of Prague. */
  readonly rules?: ChainRules;
}

export interface ChainRules {
  /** Gas of one block. */
  readonly blockGas: number;
  /** Base fee of the first block, wei; it moves by EIP-1559. */
  readonly baseFeeWei: number;
}

/** Below the ports that systems give to connections, which would take one before it is used. */
const [FIRST_PORT, LAST_PORT] = [15_000, 32_000];

export function freePort(): Promise<number> {
  const port = randomInt(FIRST_PORT, LAST_PORT);
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(freePort()));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] });
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    return response.ok;
  } catch {
    return false;
  }
}

/** @throws Error if anvil does not answer within 20 seconds. */
export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ["--host", "127.0.0.1", "--port", String(port), "--silent"];
  args.push("--chain-id", String(options.chainId ?? 31337), "--accounts", "20");
  if (options.timestamp !== undefined) args.push("--timestamp", String(options.timestamp));
  const { rules } = options;
  if (rules === undefined) args.push("--hardfork", "prague");
  // Osaka's rules, with at most 2^24 gas in a transaction (EIP-7825).
  else args.push("--hardfork", "osaka", "--enable-tx-gas-limit", "--gas-limit", String(rules.blockGas));
  if (rules !== undefined) args.push("--block-base-fee-per-gas", String(rules.baseFeeWei));
  if (options.blockSeconds !== undefined) args.push("--block-time", String(options.blockSeconds));
  const binary = join(import.meta.dirname, "..", "node_modules", ".bin", "anvil");
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "inherit"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  for (let i = 0; i < 200; i++) {
    if (await answers(url)) return { url, process: child, stop };
    if (child.exitCode !== null) break;
    await sleep(100);
  }
  await stop();
  throw new Error("anvil did not start");
}
