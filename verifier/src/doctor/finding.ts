/** What `assay doctor` says of one thing. */
export type FindingStatus = "ok" | "warn" | "fail";

export interface Finding {
  readonly check: string;
  readonly status: FindingStatus;
  readonly found: string;
  /** What to do; absent if all is well. */
  readonly remedy?: string;
}

export function ok(check: string, found: string): Finding {
  return { check, status: "ok", found };
}

/** Something that can cost money under bad luck. */
export function warn(check: string, found: string, remedy: string): Finding {
  return { check, status: "warn", found, remedy };
}

/** Something that keeps the node from working, or will cost money. */
export function fail(check: string, found: string, remedy: string): Finding {
  return { check, status: "fail", found, remedy };
}
