/** The machine: files, disk, ports, limits. */
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { randomUUID } from "node:crypto";
import { z } from "zod/v4";
import { messageOf } from "../../../sdk/src/error.ts";
import { askHealth, whyNotFree, type HttpAddress } from "../setup/http.ts";
import { bytes } from "../inspect/text.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

const GIB = 2 ** 30;

/** Who else may read or write a file that is for its owner alone. */
export function judgeMode(check: string, path: string, mode: number): Finding {
  if (process.platform === "win32" || (mode & 0o077) === 0) return ok(check, path);
  return fail(
    check,
    `${path} can be read or written by others (mode ${(mode & 0o777).toString(8)})`,
    `chmod 600 ${path}`,
  );
}

export function checkSecretFile(check: string, path: string): Finding {
  if (!existsSync(path)) return fail(check, `there is no ${path}`, "correct the path in the configuration");
  return judgeMode(check, path, statSync(path).mode);
}

export function checkDirectory(path: string): Finding {
  const probe = join(path, `.doctor-${randomUUID()}`);
  try {
    mkdirSync(path, { recursive: true });
    writeFileSync(probe, "x");
    rmSync(probe);
    return ok("data directory", `${path} can be written`);
  } catch (error) {
    return fail(
      "data directory",
      messageOf(error),
      `make ${path} writable for this user, or configure another (data)`,
    );
  }
}

export function judgeDisk(freeBytes: number): Finding {
  const found = `${bytes(freeBytes)} free`;
  if (freeBytes < GIB / 2) return fail("disk", found, "a node that cannot write loses clocks: make room");
  return freeBytes < 5 * GIB
    ? warn("disk", found, "make room for models and state: 5 GiB")
    : ok("disk", found);
}

/** @param path Need not exist yet. */
export async function checkDisk(path: string): Promise<Finding> {
  let at = resolve(path);
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  const { bavail, bsize } = await statfs(at);
  return judgeDisk(bavail * bsize);
}

export async function checkHttp(address: HttpAddress | undefined): Promise<Finding> {
  const check = "HTTP address";
  if (address === undefined)
    return warn(
      check,
      "off: nobody can fetch models or traces from this node, nor ask for its health",
      'configure http, such as "0.0.0.0:8600", unless another node of yours serves them',
    );
  const text = `${address.host}:${address.port}`;
  const reason = await whyNotFree(address);
  if (reason === undefined) return ok(check, `${text} is free`);
  const health = await askHealth(address);
  if (typeof health === "object")
    return ok(check, `a node ${health.ready ? "runs" : "is starting"} at ${text}`);
  return fail(
    check,
    `${text} cannot be used: ${reason}`,
    "end what uses it, or configure another address (http)",
  );
}

const limits = z.object({
  userLimits: z.object({ open_files: z.object({ soft: z.union([z.number(), z.string()]) }) }),
});

export function judgeOpenFiles(soft: number): Finding {
  return soft < 1024
    ? warn(
        "open files",
        `at most ${soft}`,
        "raise the limit: ulimit -n 4096, or LimitNOFILE=4096 in the unit file",
      )
    : ok("open files", Number.isFinite(soft) ? `at most ${soft}` : "unlimited");
}

export function checkOpenFiles(): Finding[] {
  const found = limits.safeParse(process.report.getReport());
  if (!found.success) return [];
  const { soft } = found.data.userLimits.open_files;
  return [judgeOpenFiles(soft === "unlimited" ? Infinity : Number(soft))];
}

/** @param version `24.1.0` */
export function judgeNodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  // Child processes run TypeScript by Node's own type stripping, which came with these versions.
  const fits = major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
  return fits
    ? ok("Node.js", version)
    : fail("Node.js", version, "use the one that comes with the project (bin/assay.mjs does), or 24 and up");
}
