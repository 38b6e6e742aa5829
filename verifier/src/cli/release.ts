/** Releases for commands: fetched by the settings, lowered and run in child processes. */
import type { ReleaseRecord } from "../chain/state.ts";
import { openWorkshop, type Workshop } from "../inspect/workshop.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import { DEFAULTS, type Config } from "./config.ts";
import type { Progress } from "./progress.ts";

export function workshopOf(config: Config): Workshop {
  return openWorkshop({
    contentDirectory: config.content ?? DEFAULTS.content,
    mirrors: config.mirror ?? [],
    inferenceLimitMs: config.inferenceLimitMs ?? DEFAULTS.inferenceLimitMs,
  });
}

/** A release, fetched and lowered again. */
export async function prepareRelease(
  config: Config,
  record: ReleaseRecord,
  progress: Progress,
): Promise<PreparedRelease> {
  const workshop = workshopOf(config);
  try {
    return await progress("fetching and lowering the model", () => workshop.prepare(record));
  } finally {
    await workshop.close();
  }
}
