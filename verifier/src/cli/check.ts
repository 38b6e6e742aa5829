/** `assay model check`. */
import { resolve } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { checkModel } from "../check/check.ts";
import { reportText } from "../check/report.ts";
import type { Bindings } from "../../../sdk/src/tensor.ts";
import { addDimension, DIMENSION_FLAG, parseInteger, readFile, readInput } from "./arguments.ts";
import { EXIT } from "./output.ts";
import { terminalProgress } from "./progress.ts";

interface CheckFlags {
  readonly dim?: Bindings;
  readonly input: readonly string[];
  readonly samples: number;
  readonly seed: number;
  readonly margin: number;
  readonly json?: boolean;
}

function parseMargin(text: string): number {
  const value = Number(text);
  if (!(value >= 1 && value <= 1e6)) throw new InvalidArgumentError("a number from 1 on");
  return value;
}

async function check(path: string, flags: CheckFlags): Promise<void> {
  const { dim, input, samples, seed, margin, json } = flags;
  const file = new Uint8Array(readFile(path));
  const report = await terminalProgress()("comparing with onnxruntime, runs", (onRun) =>
    checkModel(resolve(path), file, {
      bindings: dim ?? {},
      samples,
      seed,
      margin,
      given: ({ signature }) => input.map((name) => ({ name, blob: readInput(name, signature) })),
      onRun,
    }),
  );
  process.stdout.write(json === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  if (report.findings.some(({ hazard }) => hazard)) process.exitCode = EXIT.hazard;
}

export function addCheck(model: Command): void {
  model
    .command("check <file>")
    .description(
      "compare onnxruntime with the exact interpreter, look for hazards and propose a tolerance; needs no chain",
    )
    .option(...DIMENSION_FLAG, addDimension)
    .option(
      "--input <file>",
      "a real input, JSON as of `assay request`; may be repeated",
      (file: string, known: readonly string[]) => [...known, file],
      [],
    )
    .option("--samples <count>", "random inputs, beside the hostile ones", parseInteger, 9)
    .option("--seed <number>", "what the random inputs are drawn from", parseInteger, 1)
    .option("--margin <factor>", "of the proposed tolerance above the worst deviation", parseMargin, 8)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
  $ assay model check net.onnx
  $ assay model check net.onnx --input a.json --input b.json --samples 100

Exit code ${EXIT.hazard}: hazards were found.`,
    )
    .action(check);
}
