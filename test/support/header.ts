import { createHash } from "node:crypto";

/** Header (docs/program.md §6) of a program with one u8 input and one u8 output, for tests that never open the program. */
export function byteHeader(inputBytes: number, outputBytes: number): Buffer {
  const header = Buffer.alloc(84 + 5 + 9);
  header.writeUInt16BE(1, 0);
  header.writeUInt16BE(1, 2);
  for (const [i, count] of [1, 0, 1, 1].entries()) header.writeUInt32BE(count, 4 + 4 * i);
  header.writeUInt8(2, 84);
  header.writeUInt32BE(inputBytes, 85);
  header.writeUInt8(2, 89);
  header.writeUInt32BE(outputBytes, 90);
  return header;
}

export function sha256Hex(data: Uint8Array): string {
  return "0x" + createHash("sha256").update(data).digest("hex");
}
