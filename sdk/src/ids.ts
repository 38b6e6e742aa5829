/**
 * The contracts' identifiers, computed without a call (contracts/interfaces/Types.sol). The ABI types come from the
 * contracts' own ABI, so that the encodings cannot drift apart.
 */
import { AbiCoder, keccak256, type BigNumberish, type BytesLike, type ParamType } from "ethers";
import { IDisputeGame__factory, IInferenceMarket__factory, IModelRegistry__factory } from "./typechain.ts";
import { AssayError } from "./error.ts";
import type { Hex, Node, Release, Request } from "./structs.ts";

function structType(inputs: readonly ParamType[] | undefined): ParamType {
  const first = inputs?.[0];
  if (first === undefined)
    throw new AssayError("BAD_DEPLOYMENT", "the contracts' ABI lacks an expected function");
  return first;
}

const RELEASE = structType(IModelRegistry__factory.createInterface().getFunction("releaseIdOf").inputs);
const REQUEST = structType(IInferenceMarket__factory.createInterface().getFunction("requestIdOf").inputs);
const NODE = structType(IDisputeGame__factory.createInterface().getFunction("nodeKeyOf").inputs);

const coder = AbiCoder.defaultAbiCoder();

export function keccak(data: BytesLike): Hex {
  return `0x${keccak256(data).slice(2)}`;
}

export function releaseIdOf(release: Release): Hex {
  return keccak(coder.encode([RELEASE], [release]));
}

/** @param market Address of the InferenceMarket. */
export function requestIdOf(chainId: BigNumberish, market: Hex, request: Request): Hex {
  return keccak(coder.encode(["uint256", "address", REQUEST], [chainId, market, request]));
}

/** @param outputHash keccak256 of the output blob. */
export function resultIdOf(requestId: Hex, operator: Hex, outputHash: Hex): Hex {
  return keccak(coder.encode(["bytes32", "address", "bytes32"], [requestId, operator, outputHash]));
}

export function disputeIdOf(resultId: Hex, challenger: Hex): Hex {
  return keccak(coder.encode(["bytes32", "address"], [resultId, challenger]));
}

/** What `Game.node` holds of the node selected last. */
export function nodeKeyOf(node: Node): Hex {
  return keccak(coder.encode([NODE], [node]));
}
