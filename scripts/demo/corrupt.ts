/**
 * A corrupt operator as a process: `node --import tsx scripts/demo/corrupt.ts LIE SETTINGS.json`. It is an honest node with
 * one part replaced; LIE says which.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readDeployment } from "../../sdk/src/deployment.ts";
import { openKeystore } from "../../verifier/src/chain/keys.ts";
import { walletSigner } from "../../verifier/src/chain/signer.ts";
import { createLogger } from "../../verifier/src/log.ts";
import { startNode } from "../../verifier/src/node.ts";
import type { OperatorParts } from "../../verifier/src/roles/operator.ts";
import { alteredAnswer, cheaperModel, silentOperator } from "../../verifier/test/corrupt.ts";

const LIES: Readonly<Record<string, Partial<OperatorParts>>> = {
  output: alteredAnswer,
  trace: cheaperModel,
  silence: silentOperator,
};

interface Settings {
  readonly rpcUrl: string;
  readonly deployment: string;
  readonly keystore: string;
  readonly passwordFile: string;
  readonly data: string;
}

const [lie = "", file = ""] = process.argv.slice(2);
const parts = LIES[lie];
if (parts === undefined) throw new Error(`unknown lie ${lie}: use ${Object.keys(LIES).join(", ")}`);
const settings = JSON.parse(readFileSync(file, "utf8")) as Settings;
const node = await startNode(
  {
    deployment: readDeployment(settings.deployment),
    rpcUrls: [settings.rpcUrl],
    signer: walletSigner(await openKeystore(settings.keystore, settings.passwordFile)),
    log: createLogger("info", 1, false),
    operator: { serve: "all", minFee: 0n },
    // Everybody is on this machine.
    content: { directory: join(settings.data, "content"), allowPrivate: true },
    database: { directory: join(settings.data, "state") },
    pollMs: 500,
    compute: { workers: 1 },
  },
  parts,
);
process.once("SIGTERM", () => void node.stop().then(() => process.exit(0)));
