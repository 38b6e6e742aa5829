import type { ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { z } from "zod/v4";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../scripts/anvil.ts";
import { readRelease } from "../../sdk/src/release.ts";
import { bytes32 } from "../../sdk/src/structs.ts";
import { exactOutput } from "../src/compute/exact.ts";
import { createMetrics } from "../src/observe/metrics.ts";
import { describeModel } from "../src/releases/describe.ts";
import { finished, launch, ready } from "./command.ts";
import { exampleModel, startWorld, type World } from "./world.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What comes and goes, or only comes with trouble. */
const NOT_ALWAYS = [
  ...["duties_due", "duties_running", "duties_failed_total", "database_failures_total"],
  ...["chain_failures_total", "content_bad_peers_total", "alerts_total", "alert_posts_total"],
  ...["refused", "bumped", "replaced"].map((what) => `transactions_${what}_total`),
].map((name) => `assay_${name}`);

const MODEL = join(ROOT, "examples", "models", "digits", "digits.onnx");

async function assay<T>(schema: z.ZodType<T>, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await finished(launch([...args, "--json"]));
  if (code !== 0) throw new Error(`assay ${args.join(" ")} ended with ${code}: ${stderr}`);
  return schema.parse(JSON.parse(stdout));
}

/** Values of the series of nodes' /metrics, those of a metric's labels added up. */
async function metricsOf(...ports: readonly number[]): Promise<ReadonlyMap<string, number>> {
  const values = new Map<string, number>();
  for (const port of ports) {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    for (const [, name = "", value] of text.matchAll(/^(assay_\w+)(?:\{.*\})? (\S+)$/gm))
      values.set(name, (values.get(name) ?? 0) + Number(value));
  }
  return values;
}

describe("assay, the command", function () {
  this.timeout(180_000);
  let world: World;
  const children: ChildProcess[] = [];
  const password = "correct horse";

  before(async () => {
    world = await startWorld();
    writeFileSync(join(world.folder, "password"), `${password}\n`);
    writeFileSync(join(world.folder, "deployment.json"), JSON.stringify(world.deployment));
  });

  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await world.stop();
  });

  /** Makes a funded key with its own folder. @returns the flags that select it. */
  async function key(name: string): Promise<{ flags: string[]; address: string }> {
    const folder = join(world.folder, name);
    mkdirSync(folder);
    const [keystore, passwordFile] = [join(folder, "key.json"), join(world.folder, "password")];
    const made = z.object({ address: z.string() });
    const { address } = await assay(made, "key", "new", keystore, "--password-file", passwordFile);
    await world.chain.provider.send("anvil_setBalance", [address, "0x8ac7230489e80000"]);
    // Settings come from a file, as they would in production.
    const config = {
      rpc: world.chain.url,
      deployment: join(world.folder, "deployment.json"),
      keystore,
      passwordFile,
    };
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify({ ...config, data: join(folder, "data"), allowPrivateContent: true }),
    );
    return { flags: ["--config", join(folder, "config.json")], address };
  }

  it("publishes a model, answers a request by one node and verifies it by another", async () => {
    const [operator, verifier, requester] = await Promise.all([
      key("operator"),
      key("verifier"),
      key("requester"),
    ]);
    const [port, otherPort] = [await freePort(), await freePort()];
    const http = ["--http", `127.0.0.1:${port}`];
    const account = z.object({ freeWei: z.string() });
    const [staked] = await Promise.all([
      assay(account, "stake", "2", ...operator.flags),
      assay(account, "stake", "1.5", ...verifier.flags),
    ]);
    expect(staked.freeWei).to.equal("2000000000000000000");

    const published = z.object({ releaseId: z.string(), contentUris: z.array(z.string()) });
    const url = `http://127.0.0.1:${port}`;
    const { stdout, stderr } = await finished(
      launch(["model", "publish", MODEL, ...operator.flags, "--url", url, "--json"]),
    );
    const { releaseId, contentUris } = published.parse(JSON.parse(stdout));
    // Should the next transaction fail, whoever tries again needs what the one before made.
    expect(stderr)
      .to.match(/^model 1$/m)
      .and.include(`release ${releaseId}\n`);
    expect(contentUris[0]).to.match(/^ipfs:\/\/bafkrei[a-z2-7]{52}$/);
    expect(contentUris[1]).to.match(new RegExp(`^http://127.0.0.1:${port}/content/[0-9a-f]{64}$`));
    const moved = `http://localhost:${port}/content/${contentUris[1]?.slice(-64) ?? ""}`;
    await assay(z.unknown(), "model", "announce", releaseId, moved, ...operator.flags);
    const record = await readRelease(world.contracts, world.chain.provider, bytes32.parse(releaseId));
    expect(record.contentUris).to.deep.equal([moved, ...contentUris.toReversed()]);

    const some = ["--poll-ms", "250", "--gas-budget", "1"];
    const first = launch(["node", "--role", "operator", ...operator.flags, ...http, ...some]);
    const second = launch([
      "node",
      "--role",
      "verifier",
      ...verifier.flags,
      "--http",
      `127.0.0.1:${otherPort}`,
      "--poll-ms",
      "250",
    ]);
    children.push(first, second);
    const logs = [finished(first), finished(second)] as const;
    const [ours] = await Promise.all([ready(first), ready(second)]);
    expect(ours["address"]).to.equal(operator.address);
    const health = await fetch(`http://127.0.0.1:${port}/health`);
    expect(await health.json()).to.include({ ready: true, chainId: 31337 });

    // The requester and the verifier have no file: they fetch it from the operator's node.
    const pixels = Array.from({ length: 64 }, (_, i) => (i * 5) % 17);
    const inputFile = join(world.folder, "input.json");
    writeFileSync(inputFile, JSON.stringify({ pixels }));
    const answer = z.object({
      final: z.boolean(),
      operator: z.string(),
      outputs: z.object({ logits: z.array(z.number()) }),
    });
    const got = await assay(
      answer,
      "request",
      releaseId,
      "--input",
      inputFile,
      "--fee",
      "0.01",
      ...requester.flags,
    );
    const right = exactOutput(describeModel(exampleModel("digits"), {}), Uint8Array.from(pixels));
    expect(got).to.deep.equal({ final: true, operator: operator.address, outputs: { logits: [...right] } });

    const earned = await assay(account, "status", ...operator.flags);
    expect(earned.freeWei).to.equal((2n * 10n ** 18n + (10n ** 16n * 99n) / 100n).toString());

    const names = createMetrics({ process: false }).definitions.flatMap(({ name, type }) =>
      NOT_ALWAYS.includes(name) ? [] : [type === "histogram" ? `${name}_count` : name],
    );
    let values = await metricsOf(port, otherPort);
    for (let looks = 0; looks < 100 && names.some((name) => !values.has(name)); looks++) {
      await sleep(300);
      values = await metricsOf(port, otherPort);
    }
    expect(names.filter((name) => !values.has(name))).to.deep.equal([]);
    // Answer and finalization; what the verifier fetched; who judged it.
    for (const name of ["transactions_mined_total", "content_fetched_bytes_total", "judgements_total"])
      expect(values.get(`assay_${name}`), name).to.be.above(0);
    expect(values.get("assay_answers_total")).to.equal(1);
    // Eight deposits for an answer; a bond and the deposits of a whole dispute.
    const needed = async (of: number) => (await metricsOf(of)).get("assay_stake_needed_ether");
    expect(await needed(port)).to.be.at.least(0.016);
    expect(await needed(otherPort)).to.be.above(0.024);

    first.kill("SIGTERM");
    // As from a terminal that was closed, by way of the launcher too.
    second.kill("SIGHUP");
    await sleep(100);
    second.kill("SIGHUP");
    const [operatorLog, verifierLog] = await Promise.all(logs);
    expect([operatorLog.code, verifierLog.code]).to.deep.equal([0, 0]);
    expect(verifierLog.stdout).to.include('"msg":"answer is right"');
    const secrets = [
      password,
      z
        .object({ Crypto: z.object({ ciphertext: z.string() }) })
        .parse(JSON.parse(readFileSync(join(world.folder, "operator", "key.json"), "utf8"))).Crypto
        .ciphertext,
    ];
    for (const secret of secrets) expect(operatorLog.stdout + operatorLog.stderr).not.to.include(secret);
  });

  it("says what is wrong and ends with the code for it", async () => {
    const usage = await finished(launch(["stake", "lots"]));
    expect([usage.code, usage.stderr.includes("BAD_CONFIG")]).to.deep.equal([2, true]);
    const offline = await finished(
      launch([
        "status",
        "--rpc",
        "http://127.0.0.1:1",
        "--deployment",
        join(world.folder, "deployment.json"),
      ]),
    );
    expect([offline.code, offline.stderr.includes("RPC_FAILED")]).to.deep.equal([3, true]);
    const foreign = join(world.folder, "foreign.json");
    writeFileSync(foreign, JSON.stringify({ ...world.deployment, chainId: 1 }));
    const wrong = await finished(launch(["status", "--rpc", world.chain.url, "--deployment", foreign]));
    expect([wrong.code, wrong.stderr.includes("WRONG_CHAIN")]).to.deep.equal([2, true]);
    const { flags } = await key("unusable");
    const file = join(world.folder, "password");
    const chain = ["--rpc", world.chain.url, "--deployment", join(world.folder, "deployment.json")];
    const init = ["init", "--yes", ...chain, "--password-file", file];
    const [data, never] = [join(world.folder, "fresh"), join(file, "config.json")];
    const unusable = [
      ["node", ...flags, "--data", file],
      [...init, "--data", file],
      [...init, "--data", data, "--config", never],
    ].map((args) => finished(launch(args)));
    for (const { code, stderr } of await Promise.all(unusable))
      expect([code, stderr.includes("BAD_CONFIG: cannot use")], stderr).to.deep.equal([2, true]);
    // No key whose configuration could not be written.
    expect(readdirSync(data)).to.deep.equal([]);
    const model = await finished(launch(["model", "inspect", join(ROOT, "package.json")]));
    expect([model.code, model.stderr.includes("MODEL_REFUSED")]).to.deep.equal([1, true]);
  });
});
