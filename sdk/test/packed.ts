/** The package as others get it: packed as `npm publish` would, unpacked into a project's node_modules. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "..", "..");
const require = createRequire(import.meta.url);
const run = promisify(execFile);

export interface Project {
  readonly folder: string;
  /** Where the package is in it. */
  readonly sdk: string;
  remove(): void;
}

/** A folder in which `@assay/sdk` and what it depends on can be imported by name. */
export async function packedProject(): Promise<Project> {
  await run(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", join(ROOT, "sdk")]);
  const folder = mkdtempSync(join(tmpdir(), "assay-sdk-"));
  const args = ["pack", "--offline", "--ignore-scripts", "--silent", "--pack-destination", folder];
  // No settings or cache of the machine's.
  const env = {
    ...process.env,
    npm_config_userconfig: join(folder, "npmrc"),
    npm_config_cache: join(folder, "cache"),
  };
  const name = execFileSync("npm", args, { cwd: join(ROOT, "sdk"), env, encoding: "utf8" }).trim();
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@assay"), { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, name), "-C", join(modules, "@assay")]);
  const sdk = join(modules, "@assay", "sdk");
  execFileSync("mv", [join(modules, "@assay", "package"), sdk]);
  for (const library of ["ethers", "zod"])
    symlinkSync(join(ROOT, "node_modules", library), join(modules, library));
  return { folder, sdk, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
