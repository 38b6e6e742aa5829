/** Keccak-256 by WebAssembly, for all of ethers too: its own is JavaScript, and twenty times as slow. Importing this is enough. */
import { getBytes, keccak256 } from "ethers";
import { createKeccak } from "hash-wasm";

const hasher = await createKeccak(256);

export function keccak(data: Uint8Array): Uint8Array {
  hasher.init();
  hasher.update(data);
  return hasher.digest("binary");
}

keccak256.register((data) => keccak(getBytes(data)));
