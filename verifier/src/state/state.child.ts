/** A process that writes to the state until it is killed, for state.test.ts. */
import { openDatabase } from "./database.ts";

const database = await openDatabase({ directory: process.argv[2] ?? "" });
const known = await database.selectFrom("answers").select("request").execute();
for (let count = known.length; ; count++) {
  await database
    .insertInto("answers")
    .values({ request: `request ${count}`, output: Buffer.alloc(2000, count) })
    .execute();
  process.send?.(count + 1);
}
