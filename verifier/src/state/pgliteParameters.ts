/** What the embedded Postgres is told. */

/** The system's own cache has what is not kept here. */
export const SHARED_BUFFERS = "shared_buffers=16MB";
/** MiB of a file of the write-ahead log: a new database begins with one. */
export const INITDB: readonly string[] = ["--set", SHARED_BUFFERS, "--wal-segsize=4"];
