/** The root of an input (docs/program.md §7), as program/src/claim.ts computes it in Node; this works in browsers too. Pure. */
import { concat, sha256 } from "ethers";
import { LEAF_BYTES } from "../../../program/src/treeShape.ts";
import { ZERO_HASH, type Hex } from "../structs.ts";
import { splitBlob, type Signature } from "../tensor.ts";

function hashOf(data: Uint8Array | string): Hex {
  return `0x${sha256(data).slice(2)}`;
}

function parentOf(left: Hex, right: Hex): Hex {
  return hashOf(concat([left, right]));
}

/** Each level is padded on the right by hashes of nothing but padding. */
function rootOf(leaves: readonly Hex[], padLeaf: Hex): Hex {
  let [level, pad] = [leaves, padLeaf];
  while (level.length > 1) {
    const above: Hex[] = [];
    for (let i = 0; i < level.length; i += 2) above.push(parentOf(level[i] ?? pad, level[i + 1] ?? pad));
    [level, pad] = [above, parentOf(pad, pad)];
  }
  return level[0] ?? pad;
}

const ZERO_LEAF = hashOf(new Uint8Array(LEAF_BYTES));

function tensorRoot(data: Uint8Array): Hex {
  const leaves: Hex[] = [];
  for (let at = 0; at < data.length; at += LEAF_BYTES) {
    const leaf = new Uint8Array(LEAF_BYTES);
    leaf.set(data.subarray(at, at + LEAF_BYTES));
    leaves.push(hashOf(leaf));
  }
  return rootOf(leaves, ZERO_LEAF);
}

/**
 * What an order and its receipt say of the input.
 * @param input As `encodeInput` makes it.
 * @throws {AssayError} BAD_TENSOR if the blob's length is not the signature's.
 */
export function inputsRootOf({ inputs }: Pick<Signature, "inputs">, input: Uint8Array): Hex {
  return rootOf(splitBlob(inputs, input).map(tensorRoot), ZERO_HASH);
}
