/**
 * Operators that lie, as one process: `node --import tsx scripts/simulate/liars.ts SETTINGS.json`. Each is a node of the product with
 * parts replaced. They see the chain as it is: a lie is told by somebody who can do it well.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dtype } from "../../program/src/dtype.ts";
import { outElements, type Program } from "../../program/src/instruction.ts";
import { readDeployment } from "../../sdk/src/deploymentFile.ts";
import { fromHex, hex, type Hex } from "../../sdk/src/structs.ts";
import { openKeystore, readPassword } from "../../verifier/src/chain/keys.ts";
import { walletSigner } from "../../verifier/src/chain/signer.ts";
import { digestSigner } from "../../verifier/src/serve/digests.ts";
import type { ReceiptOptions } from "../../verifier/src/serve/door.ts";
import { httpAddress } from "../../verifier/src/setup/http.ts";
import { createLogger } from "../../verifier/src/log.ts";
import { startNode, type RunningNode } from "../../verifier/src/node.ts";
import type { OperatorParts } from "../../verifier/src/roles/operator.ts";
import {
  alteredAnswer,
  cheaperModel,
  corruptOperator,
  programOf,
  silentOperator,
} from "../../verifier/test/corrupt.ts";
import { RECEIPT_BOND_CLASS, RECEIPT_PRICE, REDEEM_FROM, type LiarName } from "./rules.ts";

export interface LiarSettings {
  readonly rpcUrl: string;
  readonly deployment: string;
  readonly seed: number;
  /** That are answered over HTTP. */
  readonly releases: readonly Hex[];
  readonly liars: readonly {
    readonly name: LiarName;
    readonly keystore: string;
    readonly passwordFile: string;
    readonly content: string;
    readonly state: string;
    /** Host and port. */
    readonly door: string;
  }[];
}

const { rpcUrl, deployment, seed, releases, liars } = JSON.parse(
  readFileSync(process.argv[2] ?? "", "utf8"),
) as LiarSettings;

/** For one run of the exact interpreter. */
const EXACT_MS = 10_000;

/** Another byte of another instruction for each input. */
function corruptionOf(program: Program, input: Uint8Array): OperatorParts {
  const drawn = createHash("sha256").update(String(seed)).update(input).digest();
  const instruction = drawn.readUInt32LE(0) % program.instructions.length;
  const made = program.instructions[instruction];
  const bytes = made === undefined ? 1 : outElements(made) * dtype(made.dtype).bytes;
  return corruptOperator({ instruction, byte: drawn.readUInt32LE(4) % bytes });
}

const corrupt: OperatorParts = {
  answer: async (release, input, limits) =>
    corruptionOf(await programOf(release), input).answer(release, input, limits),
  trace: async (release, trial) =>
    corruptionOf(await programOf(release), fromHex(trial.request.input)).trace(release, trial),
};

/** Signs for what it would answer on chain. */
function withReceipts(lie: OperatorParts): OperatorParts {
  return {
    ...lie,
    receipt: (release, input, deadline) => lie.answer(release, input, { runMs: EXACT_MS, deadline }),
  };
}

const LIES: Readonly<Record<LiarName, Partial<OperatorParts>>> = {
  altered: alteredAnswer,
  corrupt: withReceipts(corrupt),
  cheap: withReceipts(cheaperModel),
  silent: withReceipts(silentOperator),
};

function receiptsOf(key: string | undefined): ReceiptOptions {
  const price = { priceWei: RECEIPT_PRICE, redeemFromWei: REDEEM_FROM, bondClass: RECEIPT_BOND_CLASS };
  return { releases, ...price, answers: "checked", signer: digestSigner(hex.parse(key)) };
}

const nodes: readonly RunningNode[] = await Promise.all(
  liars.map(async ({ name, keystore, passwordFile, content, state, door }) => {
    const signer = walletSigner(await openKeystore(keystore, readPassword(passwordFile)));
    const http = httpAddress(door);
    return startNode(
      {
        deployment: readDeployment(deployment),
        rpcUrls: [rpcUrl],
        signer,
        log: createLogger("info", 1, false).child({ liar: name }),
        operator: { serve: "all", minFee: 0n },
        receipts: receiptsOf(signer.privateKey),
        ...(http === undefined ? {} : { http }),
        content: { directory: content, allowPrivate: true },
        database: { directory: state },
        pollMs: 500,
        compute: { workers: 1 },
      },
      LIES[name],
    );
  }),
);
await Promise.all(nodes.map(({ ready }) => ready));
process.stdout.write("all liars are ready\n");
process.once("SIGTERM", () => void Promise.all(nodes.map((node) => node.stop())).then(() => process.exit(0)));
