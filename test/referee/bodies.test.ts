/** The bodies of Solidity, of the naive and of the fast interpreter: every body, output dtype and mix of operand dtypes, bit for bit. */
import { expect } from "chai";
import { DTYPES, dtype, type DTypeName } from "../../program/src/dtype.ts";
import { BODIES, FOLDS, type Body, type Fold } from "../../program/src/instruction.ts";
import { isLegal } from "../../program/src/legal.ts";
import { term } from "../../program/src/naive/bodies.ts";
import { runProgram } from "../../program/src/fast/run.ts";
import { singleProgram } from "../../program/src/fast/agreement.ts";
import { decode, elementBits, setElementBits } from "../../program/src/naive/value.ts";
import { edgeElements, PROFILES, randomElement, type Profile } from "../../program/src/testing/elements.ts";
import { seededRng } from "../../program/src/testing/rng.ts";
import { axis, instruction, tensor } from "./judging.ts";
import { deployBodies, type BodiesHarness, type Combination } from "./harness.ts";

const BODY_NAMES = Object.keys(BODIES).filter((name): name is Body => name in BODIES);
const FOLD_NAMES = Object.keys(FOLDS).filter((name): name is Fold => name in FOLDS);
const NAMES: readonly DTypeName[] = DTYPES.map((d) => d.name);
type Scalar = Exclude<DTypeName, "acc">;
const SCALARS = NAMES.filter((name): name is Scalar => name !== "acc");
/** Mixes of dtypes tried for each body and output dtype, random cases for each mix, and cases of three edges. */
const MIXES = 2;
const CASES = 20;
const TRIPLES = 200;

const rng = seededRng(20240607);
const pick = rng.pick;
const random = (below: number): number => rng.int(0, below - 1);

/** Cases over the operands' edge tables: all pairs, or as many triples. */
function edgeCases(operands: readonly Exclude<DTypeName, "acc">[]): bigint[][] {
  const tables = operands.map(edgeElements);
  if (operands.length <= 2)
    return tables.reduce<bigint[][]>(
      (cases, table) => cases.flatMap((c) => table.map((bits) => [...c, bits])),
      [[]],
    );
  return Array.from({ length: TRIPLES }, () => tables.map((table) => pick(table)));
}

function randomCases(operands: readonly DTypeName[]): bigint[][] {
  const profile = (): Profile => pick(PROFILES);
  return Array.from({ length: CASES }, () => operands.map((name) => randomElement(rng, name, profile())));
}

/** What the fast interpreter makes of the cases, each operand a tensor. */
function fast(
  body: Body,
  out: DTypeName,
  operands: readonly DTypeName[],
  cases: readonly bigint[][],
): bigint[] {
  const inputs = operands.map((name, k) => {
    const data = new Uint8Array(cases.length * dtype(name).bytes);
    cases.forEach((bits, i) => setElementBits(name, data, i, bits[k] ?? 0n));
    return { dtype: name, data };
  });
  const loads = operands.map((name, k) => tensor("input", k, name, [axis(cases.length, 1, [[0, 1]])]));
  const program = singleProgram(instruction([body, "none", out], [cases.length], [], loads), inputs);
  const [tensorOut] = runProgram(
    program,
    inputs.map(({ data }) => data),
  ).outputs;
  return cases.map((_, i) => elementBits(out, tensorOut ?? new Uint8Array(), i));
}

function mixes(body: Body, out: DTypeName): Scalar[][] {
  const found: Scalar[][] = [];
  const arity = body === "first" ? 1 : BODIES[body].arity;
  const same = Array.from({ length: arity }, () => out as Scalar);
  if (isLegal(body, "none", out, same)) found.push(same);
  for (let tries = 0; tries < 200 && found.length < MIXES; tries++) {
    const operands = same.map(() => pick(SCALARS));
    if (body === "where") operands[0] = "bool";
    if (body === "qmul" || body === "qdiv") operands[1] = "f32";
    if (isLegal(body, "none", out, operands)) found.push(operands);
  }
  return found;
}

describe("bodies in Solidity and in both interpreters", () => {
  let harness: BodiesHarness;

  before(async () => {
    harness = await deployBodies();
  });

  // seleq and first choose among loads, which the referee does before the body.
  for (const body of BODY_NAMES.filter((name) => name !== "seleq" && name !== "first")) {
    it(body, async () => {
      let tried = 0;
      for (const out of SCALARS) {
        for (const operands of mixes(body, out)) {
          const edges = edgeCases(operands);
          const cases = [...edges, ...randomCases(operands)];
          const expected = cases.map((bits) =>
            term(
              body,
              out,
              operands.map((name, k) => ({ dtype: name, value: decode(name, bits[k] ?? 0n) })),
            ),
          );
          const { results } = await harness.evaluate(body, out, operands, cases);
          const describe = (values: readonly (bigint | undefined)[]): string[] =>
            values.map(
              (v, i) =>
                `${out} ${body}(${operands.map((n, k) => `${n} ${cases[i]?.[k]}`).join(", ")}) = ${v}`,
            );
          expect(describe(results)).to.deep.equal(describe(expected));
          expect(describe(fast(body, out, operands, cases))).to.deep.equal(describe(expected));
          tried++;
        }
      }
      expect(tried).to.be.greaterThan(0);
    });
  }

  it("has the same table of legal combinations", async () => {
    const operandNames: readonly DTypeName[] = ["bool", "i32", "f32", "acc"];
    const outs: readonly DTypeName[] = ["bool", "i32", "f16", "f32", "acc"];
    const lists = (length: number): DTypeName[][] =>
      length === 0 ? [[]] : lists(length - 1).flatMap((list) => operandNames.map((name) => [...list, name]));
    const combinations: Combination[] = [];
    for (const body of BODY_NAMES) {
      const arity = BODIES[body].arity;
      const shapes = body === "first" ? [1, 2, 3] : [arity, (arity % 3) + 1]; // the second is wrong
      for (const length of shapes) {
        for (const operands of lists(length)) {
          // All of one load, a sample of more.
          if (random(length * length) > 1) continue;
          for (const fold of FOLD_NAMES)
            for (const out of outs) combinations.push({ body, fold, out, operands });
        }
      }
    }
    const verdicts = await harness.legal(combinations);
    const wrong = combinations.filter(
      ({ body, fold, out, operands }, i) => isLegal(body, fold, out, operands) !== verdicts[i],
    );
    expect(wrong).to.deep.equal([]);
    expect(verdicts.filter((legal) => legal).length).to.be.greaterThan(1000);
  });
});
