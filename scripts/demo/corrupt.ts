/**
 * A corrupt operator as a process: `tsx scripts/demo/corrupt.ts LIE CONFIG`, where CONFIG is a node's configuration file. It is
 * an honest node with one part replaced; LIE says which.
 */
import { join } from "node:path";
import { readDeployment } from "../../sdk/src/deploymentFile.ts";
import { AssayError } from "../../sdk/src/error.ts";
import { openKeystore, readPassword } from "../../verifier/src/chain/keys.ts";
import { walletSigner } from "../../verifier/src/chain/signer.ts";
import { loadConfig } from "../../verifier/src/cli/config.ts";
import { receiptOptions } from "../../verifier/src/cli/receipts.ts";
import { createLogger } from "../../verifier/src/log.ts";
import { startNode } from "../../verifier/src/node.ts";
import { httpAddress } from "../../verifier/src/setup/http.ts";
import type { OperatorParts } from "../../verifier/src/roles/operator.ts";
import { alteredAnswer, cheaperModel, silentOperator } from "../../verifier/test/corrupt.ts";

const LIES: Readonly<Record<string, Partial<OperatorParts>>> = {
  output: alteredAnswer,
  trace: cheaperModel,
  silence: silentOperator,
};

const [lie = "", file = ""] = process.argv.slice(2);
const parts = LIES[lie];
if (parts === undefined) throw new Error(`unknown lie ${lie}: use ${Object.keys(LIES).join(", ")}`);
const config = loadConfig(file, {});
const { rpc, deployment, keystore, passwordFile, data, http } = config;
if (!rpc || !deployment || !keystore || !passwordFile || !data)
  throw new AssayError(
    "BAD_CONFIG",
    `${file} names no endpoint, deployment, key, password or data directory`,
  );
const signer = walletSigner(await openKeystore(keystore, readPassword(passwordFile)));
const address = httpAddress(http ?? "off");
const node = await startNode(
  {
    deployment: readDeployment(deployment),
    rpcUrls: rpc,
    signer,
    receipts: await receiptOptions(config, signer),
    ...(address === undefined ? {} : { http: address }),
    log: createLogger("info", 1, false),
    operator: { serve: "all", minFee: 0n },
    // Everybody is on this machine.
    content: { directory: join(data, "content"), allowPrivate: true },
    database: { directory: join(data, "state") },
    pollMs: 500,
    compute: { workers: 1 },
  },
  parts,
);
process.once("SIGTERM", () => void node.stop().then(() => process.exit(0)));
