/**
 * A process that sends keys through an outbox and ends: `node --import tsx verifier/test/outboxChild.ts SETTINGS`. Tests kill it.
 */
import { z } from "zod/v4";
import { address as addressSchema } from "../../sdk/src/structs.ts";
import { openKeystore, readPassword } from "../src/chain/keys.ts";
import { createOutbox } from "../src/chain/outbox/outbox.ts";
import { databaseJournal } from "../src/chain/outbox/table.ts";
import { remoteSigner } from "../src/chain/remote.ts";
import { walletSigner, type Signer } from "../src/chain/signer.ts";
import { createLogger } from "../src/log.ts";
import { createEndpoints } from "../src/chain/endpoints.ts";
import { createProvider } from "../src/chain/provider.ts";
import { openDatabase } from "../src/state/database.ts";
import { echoCall } from "./echo.ts";

const settingsSchema = z.object({
  rpcUrl: z.string(),
  database: z.union([z.object({ directory: z.string() }), z.object({ url: z.string() })]),
  signer: z.union([
    z.object({ keystore: z.string(), passwordFile: z.string() }),
    z.object({ url: z.string(), address: addressSchema }),
  ]),
  keys: z.array(z.string()),
});
export type ChildSettings = z.infer<typeof settingsSchema>;

async function signerOf(settings: ChildSettings["signer"]): Promise<Signer> {
  if ("url" in settings) return remoteSigner(settings);
  return walletSigner(await openKeystore(settings.keystore, readPassword(settings.passwordFile)));
}

const settings = settingsSchema.parse(JSON.parse(process.argv[2] ?? ""));
const signer = await signerOf(settings.signer);
const database = await openDatabase(settings.database);
const outbox = createOutbox({
  journal: await databaseJournal(database, `31337:${signer.address}`),
  signer,
  chainId: 31337,
  provider: createProvider(
    createEndpoints({ urls: [settings.rpcUrl], chainId: 31337, log: createLogger("silent", 2, false) }),
  ),
  log: createLogger("trace", 2, false),
  pollMs: 50,
  rebroadcastMs: 500,
});
await Promise.all(settings.keys.map((key) => outbox.send(echoCall(key, { priority: "answer" }))));
await outbox.close();
await database.destroy();
process.stdout.write("done\n", () => process.exit(0));
