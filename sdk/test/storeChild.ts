/** A process that signs for more and more until it is killed: `storeChild.ts DIRECTORY`. Prints each total once it is kept. */
import { fileStore } from "../src/infer/fileStore.ts";
import { openingLedger } from "../src/infer/ledger.ts";
import type { AccountId } from "../src/infer/store.ts";

const [directory = ""] = process.argv.slice(2);
/** As in src/infer/store.test.ts. */
const account: AccountId = {
  chainId: 1,
  deposits: `0x${"d".repeat(40)}`,
  client: `0x${"c".repeat(40)}`,
  operator: `0x${"a".repeat(40)}`,
};
const store = await fileStore(directory);
for (;;) {
  const total = await store.update(account, (ledger = openingLedger(0n)) => {
    const signedWei = ledger.signedWei + 1n;
    return Promise.resolve([{ ...ledger, signedWei }, signedWei] as const);
  });
  process.stdout.write(`${total}\n`);
}
