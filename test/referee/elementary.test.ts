/** The Solidity bodies against test/vectors/elementary.json: every case, bit for bit. */
import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { z } from "zod";
import { dtype } from "../../program/src/dtype.ts";
import { BODIES, type Body } from "../../program/src/instruction.ts";
import { deployBodies, type BodiesHarness } from "./harness.ts";

const Cases = z.object({ f32: z.array(z.string()), f16: z.array(z.string()), bf16: z.array(z.string()) });
const Float = z.enum(["f32", "f16", "bf16"]);
const Sum = z.object({
  source: Float,
  target: Float,
  kind: z.string(),
  a: z.string(),
  b: z.string(),
  result: z.string(),
});
const Vectors = z.object({ bodies: z.record(z.string(), Cases), sums: z.array(Sum) });

const VECTORS: readonly Body[] = [
  ...(["exp", "expm1", "log", "log1p", "sin", "cos", "atan", "tanh", "erf", "pow"] as const),
  ...(["sqrt", "add", "mul", "div", "rem", "fma"] as const),
];
/** What one evaluation may cost; the dearest measured are pow at 20k and erf next to 4 at 18k. */
const GAS_CAP = 25_000n;

describe("Solidity bodies against the vectors", () => {
  let harness: BodiesHarness;
  let vectors: z.infer<typeof Vectors>;

  before(async () => {
    harness = await deployBodies();
    const text = await readFile(new URL("../vectors/elementary.json", import.meta.url), "utf8");
    vectors = Vectors.parse(JSON.parse(text));
  });

  for (const body of VECTORS) {
    for (const name of Float.options) {
      it(`${body} of ${name}`, async () => {
        const lines = vectors.bodies[body]?.[name] ?? [];
        expect(lines.length).to.be.greaterThan(150);
        const operands = lines.map((line) => line.split(" ").slice(0, -1));
        const { results, maxGas, totalGas } = await harness.evaluate(
          body,
          name,
          Array.from({ length: BODIES[body].arity }, () => name),
          operands.map((c) => c.map((h) => BigInt("0x" + h))),
        );
        const digits = 2 * dtype(name).bytes;
        const computed = operands.map((c, i) =>
          [...c, (results[i] ?? 0n).toString(16).padStart(digits, "0")].join(" "),
        );
        expect(computed).to.deep.equal(lines);
        expect(maxGas < GAS_CAP, `${maxGas} gas`).to.equal(true);
        if (process.env.GAS !== undefined)
          console.log(
            `      ${body} ${name}: ${totalGas / BigInt(lines.length)} gas a case, at most ${maxGas}`,
          );
      });
    }
  }

  it("sums of products", async () => {
    expect(vectors.sums.length).to.be.greaterThan(50);
    for (const { source, target, kind, a, b, result } of vectors.sums) {
      const bits = await harness.sumOfProducts(source, target, a, b);
      const digits = 2 * dtype(target).bytes;
      expect(bits.toString(16).padStart(digits, "0"), `${kind} of ${source} to ${target}`).to.equal(result);
    }
  });
});
