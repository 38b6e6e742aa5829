/** A process that keeps receipts until it is killed, for receipts.test.ts. Says which order it has kept. */
import { join } from "node:path";
import { clientAt, givenAt } from "../../test/given.ts";
import { createLogger } from "../log.ts";
import { openDatabase } from "./database.ts";
import { openSpooledReceipts } from "./receipts.ts";

const [directory = "", start = "0"] = process.argv.slice(2);
const database = await openDatabase({ directory: join(directory, "state") });
const store = await openSpooledReceipts(
  database,
  join(directory, "receipts"),
  600,
  createLogger("silent", 2, false),
);
const [client, price] = [clientAt(1), 7n];
let owed = (await store.purse(client))?.owedWei ?? 0n;

for (let order = Number(start); ; order += 5) {
  const together = Array.from({ length: 5 }, (_, i) =>
    givenAt(order + i, client, price, owed + price * BigInt(i + 1)),
  );
  owed += 5n * price;
  await Promise.all(
    together.map(async (given, i) => {
      if ((await store.keep(given)) === "kept") process.send?.(order + i);
    }),
  );
  // Some of it shall be in the database when the process is killed, some of it on its way.
  if (order % 50 === 0) await store.purse(client);
}
