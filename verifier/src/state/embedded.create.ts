/** Process that makes a new embedded Postgres in the directory of its argument. */
import { openPostgres } from "./pglite.ts";

const [, , directory = ""] = process.argv;
await (await openPostgres(directory)).close();
