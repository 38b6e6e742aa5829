/** `npm run rehearse`: the deployment to every public network, against an anvil with its rules. The last line is one JSON object. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Wallet } from "ethers";
import pLimit from "p-limit";
import { messageOf } from "../../sdk/src/error.ts";
import { PUBLIC_NETWORKS, type PublicNetwork } from "../networks.ts";
import { rehearse, type Rehearsal } from "./rehearse.ts";

function isPublic(name: string): name is PublicNetwork {
  return Object.hasOwn(PUBLIC_NETWORKS, name);
}

function chosen(): PublicNetwork[] {
  const { network = Object.keys(PUBLIC_NETWORKS) } = parseArgs({
    options: { network: { type: "string", multiple: true } },
  }).values;
  const unknown = network.filter((name) => !isPublic(name));
  if (unknown.length === 0) return network.filter(isPublic);
  console.error(`unknown: ${unknown.join(", ")}; networks: ${Object.keys(PUBLIC_NETWORKS).join(", ")}`);
  process.exit(2);
}

function table(rehearsals: readonly Rehearsal[]): string {
  const rows = [
    ["network", "chain", "killed at", "blocks", "gas", "highest limit", "seconds"],
    ...rehearsals.map(({ network, chainId, killedAt, blocks, gas, transactionGas, seconds }) => [
      network,
      ...[String(chainId), killedAt, String(blocks), gas.toLocaleString("en")],
      ...[transactionGas.toLocaleString("en"), String(seconds)],
    ]),
  ];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")).join("\n");
}

const networks = chosen();
const key = Wallet.createRandom().privateKey;
const limit = pLimit(Math.max(2, availableParallelism()));
const passed: Rehearsal[] = [];
const failed: { network: string; message: string }[] = [];

console.log("Not rehearsed, since anvil has none: what rollups charge for data, and reorganisations.");
await Promise.all(
  networks.map((network) =>
    limit(async () => {
      try {
        passed.push(await rehearse(network, key, console.log));
      } catch (error) {
        failed.push({ network, message: messageOf(error) });
        console.error(`${network} FAILED: ${messageOf(error)}`);
      }
    }),
  ),
);
const places = new Set(passed.map(({ addresses }) => JSON.stringify(addresses)));
const sameAddresses = places.size <= 1;
if (!sameAddresses) console.error("FAILED: the addresses differ between networks");
console.log(`\n${table(passed)}\n`);
const ok = failed.length === 0 && sameAddresses && passed.length > 0;
console.log(JSON.stringify({ ok, passed, failed, sameAddresses }));
process.exit(ok ? 0 : 1);
