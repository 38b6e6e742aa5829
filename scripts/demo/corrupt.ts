/**
 * A corrupt operator, made of the parts an honest one is made of: `tsx scripts/demo/corrupt.ts LIE CONFIG.json`. LIE is
 *
 * - output: computes honestly, publishes another output, defends the honest trace;
 * - trace: runs a cheaper model (the largest constant is zeroed), publishes its output, defends its trace;
 * - silence: publishes another output and says nothing more.
 */
import { readFileSync } from "node:fs";
import { splitBlob } from "../../program/src/claim.ts";
import type { Program } from "../../program/src/instruction.ts";
import { computeTrace } from "../../program/src/trace.ts";
import { readDeployment } from "../../sdk/src/deployment.ts";
import { fromHex } from "../../sdk/src/structs.ts";
import { openKeystore } from "../../verifier/src/chain/keys.ts";
import { exactOutput } from "../../verifier/src/compute/exact.ts";
import { createLogger } from "../../verifier/src/log.ts";
import { startNode } from "../../verifier/src/node.ts";
import { defend, honestTrace, type OperatorParts } from "../../verifier/src/roles/operator.ts";

export interface CorruptConfig {
  readonly rpcUrl: string;
  readonly deployment: string;
  readonly keystore: string;
  readonly passwordFile: string;
  readonly content: string;
  readonly mirrors: readonly string[];
}

/** The most likely digit, of another image: the top logit is lowered, the next one raised. */
function altered(output: Uint8Array): Uint8Array {
  const lie = output.slice();
  const top = lie.indexOf(Math.max(...lie));
  lie[top] = 0;
  lie[(top + 1) % lie.length] = 255;
  return lie;
}

function cheaper(program: Program): Program {
  const largest = Math.max(...program.constants.map(({ data }) => data.length));
  const constants = program.constants.map((constant) =>
    constant.data.length === largest ? { ...constant, data: new Uint8Array(largest) } : constant,
  );
  return { ...program, constants };
}

const LIES: Readonly<Record<string, OperatorParts>> = {
  output: {
    answer: ({ model }, input) => Promise.resolve(altered(exactOutput(model, input))),
    trace: honestTrace,
  },
  trace: {
    answer: ({ model }, input) =>
      Promise.resolve(exactOutput({ ...model, program: cheaper(model.program) }, input)),
    trace: ({ model }, { request }) => {
      const program = cheaper(model.program);
      return Promise.resolve(
        defend(computeTrace(program, splitBlob(program.inputs, fromHex(request.input)))),
      );
    },
  },
  silence: {
    answer: ({ model }, input) => Promise.resolve(altered(exactOutput(model, input))),
    trace: () => new Promise(() => undefined),
  },
};

const [lie = "", configFile = ""] = process.argv.slice(2);
const parts = LIES[lie];
if (parts === undefined) throw new Error(`unknown lie ${lie}: use ${Object.keys(LIES).join(", ")}`);
const config = JSON.parse(readFileSync(configFile, "utf8")) as CorruptConfig;
const node = await startNode(
  {
    deployment: readDeployment(config.deployment),
    rpcUrl: config.rpcUrl,
    wallet: await openKeystore(config.keystore, config.passwordFile),
    log: createLogger("info", 1, false),
    operator: { serve: "all", minFee: 0n },
    contentDirectory: config.content,
    mirrors: config.mirrors,
    pollMs: 500,
    workers: 1,
  },
  parts,
);
process.once("SIGTERM", () => void node.stop().then(() => process.exit(0)));
