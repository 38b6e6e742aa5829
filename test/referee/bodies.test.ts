/** The Solidity bodies against the naive interpreter: every body, output dtype and mix of operand dtypes, bit for bit. */
import { expect } from "chai";
import { DTYPES, dtype, type DTypeName } from "../../program/src/dtype.ts";
import { BODIES, FOLDS, type Body, type Fold } from "../../program/src/instruction.ts";
import { isLegal } from "../../program/src/legal.ts";
import { term } from "../../program/src/naive/bodies.ts";
import { decode } from "../../program/src/naive/value.ts";
import { deployBodies, type BodiesHarness, type Combination } from "./harness.ts";

const BODY_NAMES = Object.keys(BODIES).filter((name): name is Body => name in BODIES);
const FOLD_NAMES = Object.keys(FOLDS).filter((name): name is Fold => name in FOLDS);
const NAMES: readonly DTypeName[] = DTYPES.map((d) => d.name);
const SCALARS = NAMES.filter((name) => name !== "acc");
/** Mixes of dtypes tried for each body and output dtype, and cases for each mix. */
const MIXES = 3;
const CASES = 30;

/** xorshift32: the same cases in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const random = generator(20240607);

function pick<T>(items: readonly T[]): T {
  const item = items[random(items.length)];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}

function randomBits(): bigint {
  return (BigInt(random(2 ** 31)) << 33n) ^ (BigInt(random(2 ** 31)) << 15n) ^ BigInt(random(2 ** 31));
}

/** Bits of 1, of infinity and of the smallest normal number, which is the step of the exponent. */
const MARKS: Partial<Record<DTypeName, { one: bigint; infinity: bigint; step: bigint }>> = {
  f32: { one: 0x3f800000n, infinity: 0x7f800000n, step: 1n << 23n },
  f16: { one: 0x3c00n, infinity: 0x7c00n, step: 1n << 10n },
  bf16: { one: 0x3f80n, infinity: 0x7f80n, step: 1n << 7n },
};

/** Bits of an element: extremes, small numbers (of integers, or of exponents) or anything, not only canonical. */
function element(name: DTypeName): bigint {
  const width = dtype(name).bytes * 8;
  const any = BigInt.asUintN(width, randomBits());
  if (name === "bool") return any % 2n;
  const top = 1n << BigInt(width - 1);
  const marks = MARKS[name];
  switch (random(6)) {
    case 0:
      return pick([0n, 1n, top, top - 1n, top + 1n, 2n * top - 1n]);
    case 1:
      if (marks === undefined) return any;
      return pick([marks.one, marks.infinity, marks.infinity + 1n, marks.step]) + pick([0n, top]);
    case 2:
    case 3:
      if (marks === undefined) return BigInt.asUintN(width, BigInt(random(40) - 20));
      return marks.one - 4n * marks.step + (any % (12n * marks.step)) + pick([0n, top]);
    default:
      return any;
  }
}

function mixes(body: Body, out: DTypeName): DTypeName[][] {
  const found: DTypeName[][] = [];
  const arity = body === "first" ? 1 : BODIES[body].arity;
  const same = Array.from({ length: arity }, () => out);
  if (isLegal(body, "none", out, same)) found.push(same);
  for (let tries = 0; tries < 200 && found.length < MIXES; tries++) {
    const operands = same.map(() => pick(SCALARS));
    if (body === "where") operands[0] = "bool";
    if (body === "qmul" || body === "qdiv") operands[1] = "f32";
    if (isLegal(body, "none", out, operands)) found.push(operands);
  }
  return found;
}

describe("Solidity bodies against the naive interpreter", () => {
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
          const cases = Array.from({ length: CASES }, () => operands.map(element));
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
