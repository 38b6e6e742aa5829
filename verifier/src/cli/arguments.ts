/** Values of options and files that several commands take. */
import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import { encodeInput } from "../../../sdk/src/encode.ts";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { parseReceiptFile } from "../../../sdk/src/infer/check.ts";
import type { ReceiptFile } from "../../../sdk/src/infer/wire.ts";
import type { Bindings, Signature } from "../../../sdk/src/tensor.ts";

export function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new AssayError("BAD_CONFIG", `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** The input blob of a JSON file, as `encodeInput` takes it. @throws {AssayError} BAD_CONFIG, BAD_TENSOR. */
export function readInput(path: string, signature: Signature): Uint8Array {
  return encodeInput(signature, readFile(path).toString());
}

/** What `assay infer --out` wrote. @throws {AssayError} BAD_CONFIG, BAD_RECEIPT. */
export function readReceipt(path: string): ReceiptFile {
  return parseReceiptFile(readFile(path).toString());
}

export const DIMENSION_FLAG = [
  "--dim <name=size>",
  "value of a symbolic dimension; may be repeated",
] as const;

export function addDimension(text: string, known: Bindings = {}): Bindings {
  const [, name, value] = /^(.+)=([1-9][0-9]{0,8})$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("write NAME=SIZE, such as batch=1");
  return { ...known, [name]: Number(value) };
}

export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("a number from 0 on");
  if (value === 0 && /^[^e]*[1-9]/i.test(text)) throw new InvalidArgumentError("it is too close to 0");
  return value;
}

export function parseInteger(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("a whole number from 0 on");
  return Number(text);
}
