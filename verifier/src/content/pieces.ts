/** Bytes as a stream of small pieces, so that a server sees how fast its reader takes them. */
import { Readable } from "node:stream";

const PIECE_BYTES = 2 ** 16;

function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

export function inPieces(bytes: Uint8Array): Readable {
  return Readable.from(cut(bytes), { objectMode: false, highWaterMark: PIECE_BYTES });
}
