/** Whether this machine computes right and fast enough: onnxruntime against the exact interpreter, exact runs against clocks. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { messageOf } from "../../../sdk/src/error.ts";
import type { ParameterSet } from "../../../sdk/src/parameters.ts";
import type { ReleaseRecord } from "../chain/state.ts";
import { compareAnswer, isRight } from "../inspect/verdict.ts";
import type { Workshop } from "../inspect/workshop.ts";
import { CLOCK_SHARE } from "../roles/operator.ts";
import { toleranceBits } from "../releases/release.ts";
import type { ModelSummary } from "../releases/summary.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";
import { judgeReleaseMemory, type MemoryFacts } from "./memory.ts";
import { probeModel } from "./model.ts";

/** Releases that are tried; each is lowered and run. */
const MAX_RELEASES = 8;

/** An input whose floats are ordinary numbers and whose integers are all over. */
function input(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i % 4 === 3 ? 0x3e : (i * 97 + 31) % 256));
}

export async function checkRuntime(workshop: Workshop): Promise<Finding> {
  const check = "onnxruntime";
  const folder = mkdtempSync(join(tmpdir(), "assay-doctor-"));
  const path = join(folder, "probe.onnx");
  try {
    writeFileSync(path, probeModel());
    const model = await workshop.describe(path, {});
    const blob = input(model.inputBytes);
    const exact = await workshop.exact({ path, model }, blob);
    const fast = await workshop.fast({ path, model }, blob);
    const tolerance = { atol: toleranceBits(1e-6), rtol: toleranceBits(1e-6) };
    if (isRight(compareAnswer(model.signature.outputs, fast, exact, tolerance)))
      return ok(check, "works, and agrees with the exact interpreter");
    return fail(
      check,
      "differs from the exact interpreter on a small model",
      "do not run a node here: this processor or onnxruntime computes wrong. Run npm run setup again, or use another machine",
    );
  } catch (error) {
    return fail(
      check,
      messageOf(error),
      "run npm run setup again: onnxruntime's binary may be missing for this platform",
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param seconds Of one exact run. */
export function judgeRun(release: string, seconds: number, rules: ParameterSet): Finding {
  const { operatorClock, challengerClock, minWindow } = rules;
  const clock = Math.min(operatorClock, challengerClock, minWindow);
  const found = `release ${release.slice(0, 10)}...: an exact run takes ${seconds.toFixed(1)} s; the shortest of clocks and window is ${clock} s`;
  const remedy = "use a faster machine with more cores, or leave this release out (serve)";
  if (seconds > clock / 2)
    return fail("exact runs", found, `${remedy}: a dispute about it would be lost on time`);
  return seconds > clock * CLOCK_SHARE ? warn("exact runs", found, remedy) : ok("exact runs", found);
}

async function checkRelease(
  workshop: Workshop,
  record: ReleaseRecord,
  rules: ParameterSet,
): Promise<{ readonly findings: readonly Finding[]; readonly model?: ModelSummary }> {
  const name = record.releaseId;
  try {
    const prepared = await workshop.prepare(record);
    const { model } = prepared;
    const blob = input(model.inputBytes);
    const before = performance.now();
    const exact = await workshop.exact(prepared, blob);
    const seconds = (performance.now() - before) / 1000;
    const agrees = await workshop.fast(prepared, blob).then(
      (fast) => isRight(compareAnswer(model.signature.outputs, fast, exact, record.release)),
      () => false,
    );
    const findings = [
      judgeRun(name, seconds, rules),
      ...(agrees
        ? []
        : [
            warn(
              "onnxruntime",
              `release ${name.slice(0, 10)}...: onnxruntime does not agree with the exact interpreter here`,
              "nothing is lost, but every answer takes an exact run: see `assay model check`",
            ),
          ]),
    ];
    return { findings, model };
  } catch (error) {
    const remedy = "a node does not serve it: `assay model verify` says why";
    return { findings: [warn("releases", `${name}: ${messageOf(error)}`, remedy)] };
  }
}

/** Releases whose files are here, run once each, and whether they fit into memory together. */
export async function checkReleases(
  workshop: Workshop,
  records: readonly ReleaseRecord[],
  rules: ParameterSet,
  memory: MemoryFacts,
): Promise<Finding[]> {
  const here: ReleaseRecord[] = [];
  for (const record of records) if (await workshop.has(record.release.fileSha256)) here.push(record);
  const findings: Finding[] = [];
  const models: ModelSummary[] = [];
  for (const record of here.slice(0, MAX_RELEASES)) {
    const { findings: some, model } = await checkRelease(workshop, record, rules);
    findings.push(...some);
    if (model !== undefined) models.push(model);
  }
  if (models.length > 0) findings.push(judgeReleaseMemory(models, memory));
  const rest = records.length - Math.min(here.length, MAX_RELEASES);
  return rest === 0
    ? findings
    : [...findings, ok("releases", `${rest} of ${records.length} not tried: their files are not here yet`)];
}
