/** The scalar bodies of the Solidity referee, callable in batches on an in-process chain. */
import hre from "hardhat";
import { dtype, type DTypeName } from "../../program/src/dtype.ts";
import { BODIES, FOLDS, type Body, type Fold } from "../../program/src/instruction.ts";

export interface BatchResult {
  /** Element bits, one a case. */
  readonly results: bigint[];
  /** Gas of the dearest evaluation and of all of them. */
  readonly maxGas: bigint;
  readonly totalGas: bigint;
}

export interface Combination {
  readonly body: Body;
  readonly fold: Fold;
  readonly out: DTypeName;
  readonly operands: readonly DTypeName[];
}

export interface BodiesHarness {
  /** @param cases The bits of each case's operands, of dtypes `operands`. */
  evaluate(
    body: Body,
    out: DTypeName,
    operands: readonly DTypeName[],
    cases: readonly (readonly bigint[])[],
  ): Promise<BatchResult>;
  /** @param a Factors, packed big-endian, hexadecimal; likewise `b`. */
  sumOfProducts(source: DTypeName, target: DTypeName, a: string, b: string): Promise<bigint>;
  legal(combinations: readonly Combination[]): Promise<boolean[]>;
}

/** Keeps a call's calldata and gas within ordinary limits. */
const CASES_PER_CALL = 400;
const COMBINATIONS_PER_CALL = 4000;

function chunks<T>(items: readonly T[], size: number): T[][] {
  const result: T[][] = [];
  for (let i = 0; i < items.length; i += size) result.push(items.slice(i, i + size));
  return result;
}

function hex(value: bigint | number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, "0");
}

export async function deployBodies(): Promise<BodiesHarness> {
  const { ethers } = await hre.network.getOrCreate();
  const contract = await ethers.deployContract("BodiesHarness");

  return {
    async evaluate(body, out, operands, cases) {
      const codeOf = (index: number): number => {
        const name = operands[index];
        return name === undefined ? 0 : dtype(name).code;
      };
      const results: bigint[] = [];
      let maxGas = 0n;
      let totalGas = 0n;
      for (const chunk of chunks(cases, CASES_PER_CALL)) {
        const packed = "0x" + chunk.map((c) => c.map((bits) => hex(bits, 8)).join("")).join("");
        const [words, max, total] = await contract.batch.staticCall(
          BODIES[body].code,
          dtype(out).code,
          [codeOf(0), codeOf(1), codeOf(2)],
          packed,
        );
        for (let i = 2; i < words.length; i += 16) results.push(BigInt("0x" + words.slice(i, i + 16)));
        if (max > maxGas) maxGas = max;
        totalGas += total;
      }
      return { results, maxGas, totalGas };
    },

    sumOfProducts(source, target, a, b) {
      return contract.sumOfProducts.staticCall(dtype(source).code, dtype(target).code, "0x" + a, "0x" + b);
    },

    async legal(combinations) {
      const verdicts: boolean[] = [];
      for (const chunk of chunks(combinations, COMBINATIONS_PER_CALL)) {
        const packed = chunk.map(({ body, fold, out, operands }) => {
          const codes = [...operands.map((name) => dtype(name).code), 0, 0].slice(0, 3);
          const head = [BODIES[body].code, FOLDS[fold], dtype(out).code, operands.length];
          return [...head, ...codes].map((byte) => hex(byte, 1)).join("");
        });
        const bytes = await contract.legal.staticCall("0x" + packed.join(""));
        for (let i = 2; i < bytes.length; i += 2) verdicts.push(bytes.slice(i, i + 2) === "01");
      }
      return verdicts;
    },
  };
}
