/** Releases for commands: fetched by the settings, lowered and run in child processes. */
import type { ReleaseRecord } from "../chain/state.ts";
import { openWorkshop, type Workshop } from "../inspect/workshop.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import { DEFAULTS, type Config } from "./config.ts";
import { contentOptionsOf } from "./content.ts";
import type { Progress } from "./progress.ts";

export async function withWorkshop<T>(config: Config, work: (workshop: Workshop) => Promise<T>): Promise<T> {
  const workshop = openWorkshop({
    content: contentOptionsOf(config),
    inferenceLimitMs: config.inferenceLimitMs ?? DEFAULTS.inferenceLimitMs,
  });
  try {
    return await work(workshop);
  } finally {
    await workshop.close();
  }
}

/** A release, fetched and lowered again. */
export async function prepareRelease(
  config: Config,
  record: ReleaseRecord,
  progress: Progress,
): Promise<PreparedRelease> {
  return withWorkshop(config, (workshop) =>
    progress("fetching and lowering the model", () => workshop.prepare(record)),
  );
}
