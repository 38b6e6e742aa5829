/** The accounts and processes of the demo. */
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encryptKeystoreJson, Wallet, type JsonRpcProvider } from "ethers";

const root = join(import.meta.dirname, "../..");
/** Nobody's own settings play in the demo. */
const env = { ...process.env, ASSAY_CONFIG: "" };
const PASSWORD = "demo";

export interface Actor {
  readonly wallet: Wallet;
  readonly keystore: string;
  readonly passwordFile: string;
}

/** A new account and its encrypted key file. */
export async function createActor(
  name: string,
  directory: string,
  provider: JsonRpcProvider,
): Promise<Actor> {
  const wallet = new Wallet(Wallet.createRandom().privateKey, provider);
  const passwordFile = join(directory, "password");
  const keystore = join(directory, `${name}.key.json`);
  writeFileSync(passwordFile, PASSWORD);
  // A light key derivation: these keys live for a minute.
  writeFileSync(keystore, await encryptKeystoreJson(wallet, PASSWORD, { scrypt: { N: 1024 } }));
  return { wallet, keystore, passwordFile };
}

const running = new Set<ChildProcess>();

export interface Process {
  /** Resolves with the first line of output that holds `text`. @throws if the process ends or 60 seconds pass first. */
  waitFor(text: string): Promise<string>;
}

/** Starts a TypeScript file as a process of its own; its output goes to `directory/NAME.log`. */
export function startProcess(
  name: string,
  directory: string,
  script: string,
  args: readonly string[],
): Process {
  const child = spawn(process.execPath, ["--import", "tsx", join(root, script), ...args], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const file = createWriteStream(join(directory, `${name}.log`));
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      file.write(chunk);
      output += chunk.toString();
    });
  return {
    async waitFor(text) {
      for (let i = 0; i < 1800; i++) {
        const line = output.split("\n").find((candidate) => candidate.includes(text));
        if (line !== undefined) return line;
        if (child.exitCode !== null) break;
        await sleep(100);
      }
      throw new Error(`${name} did not say ${text}:\n${output.slice(-2000)}`);
    },
  };
}

/** Runs one `assay` command to its end. @returns what it prints. @throws with its output if it fails. */
export async function assay(...args: readonly string[]): Promise<string> {
  const child = spawn(join(root, "bin", "assay.mjs"), args, {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const status = await new Promise((resolve) => child.once("exit", resolve));
  if (status !== 0) throw new Error(`assay ${args.join(" ")} failed:\n${output}${errors}`);
  return output;
}

/** Ends every process that was started. */
export async function stopAll(): Promise<void> {
  const children = [...running];
  for (const child of children) child.kill("SIGTERM");
  await Promise.race([
    Promise.all(children.map((child) => new Promise((resolve) => child.once("exit", resolve)))),
    sleep(5000),
  ]);
  for (const child of running) child.kill("SIGKILL");
}
