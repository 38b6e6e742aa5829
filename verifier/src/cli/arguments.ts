/** Values of options and files that several commands take. */
import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import { z } from "zod/v4";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { encodeTensors, type Bindings, type Signature } from "../../../sdk/src/tensor.ts";

export function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new AssayError("BAD_CONFIG", `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

const inputSchema = z.record(
  z.string(),
  z.union([
    z.array(z.number()),
    z.array(
      z
        .string()
        .regex(/^-?[0-9]+$/)
        .transform(BigInt),
    ),
  ]),
);

/** The input blob of a JSON file with an array of numbers by tensor name. */
export function readInput(path: string, signature: Signature): Uint8Array {
  let json: unknown;
  try {
    json = JSON.parse(readFile(path).toString());
  } catch (cause) {
    throw new AssayError("BAD_CONFIG", `${path} is not JSON: ${messageOf(cause)}`, { cause });
  }
  const parsed = inputSchema.safeParse(json);
  if (!parsed.success) throw new AssayError("BAD_CONFIG", `${path}: ${z.prettifyError(parsed.error)}`);
  return encodeTensors(signature.inputs, parsed.data);
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
  return value;
}

export function parseInteger(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("a whole number from 0 on");
  return Number(text);
}
