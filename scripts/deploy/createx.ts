/**
 * CreateX, the factory at one address on most chains, through which everything is deployed: addresses follow from the deployer,
 * a salt and (CREATE2) the code, not from nonces, so they are the same on every chain.
 */
import type { Artifact } from "@nomicfoundation/ignition-core";
import {
  concat,
  dataSlice,
  getCreate2Address,
  getCreateAddress,
  id,
  Interface,
  keccak256,
  Transaction,
  zeroPadValue,
  type Provider,
  type Signer,
} from "ethers";
import { z } from "zod/v4";
import { AssayError } from "../../sdk/src/error.ts";

export const CREATE_X = "0xba5Ed099633D3B313e4D5F7bdc1305d3c28ba5Ed";
const CODE_HASH = "0xbd8a7ea8cfca7b4e5f5041d7d4b17bc317c5ce42cfbc42066a00cf26b43eb53f";
/** Of the proxy that CREATE3 deploys by CREATE2, and that deploys the contract as its first. */
const PROXY_CODE_HASH = "0x21c35dbe1b344a2488cf3321d6ce542f8e9f305544ff09e4993a62319a497c1f";

const bytes = (name: string, type: string) => ({ name, type, internalType: type });

/** What a deployment needs of it, as an artifact of Ignition's. */
export const CREATE_X_ARTIFACT: Artifact = {
  _format: "hh3-artifact-1",
  contractName: "CreateX",
  sourceName: "CreateX.sol",
  bytecode: "0x",
  deployedBytecode: "0x",
  linkReferences: {},
  deployedLinkReferences: {},
  abi: [
    ...["deployCreate2", "deployCreate3"].map((name) => ({
      type: "function",
      name,
      stateMutability: "payable",
      inputs: [bytes("salt", "bytes32"), bytes("initCode", "bytes")],
      outputs: [bytes("newContract", "address")],
    })),
    { type: "error", name: "FailedContractCreation", inputs: [bytes("emitter", "address")] },
    { type: "error", name: "InvalidSalt", inputs: [bytes("emitter", "address")] },
  ],
};

/**
 * A salt that only this deployer can use: its address, a zero byte (the same on every chain), and eleven bytes of the label's hash.
 * Without the first, a stranger could take the addresses on a chain where we are not yet.
 */
export function saltOf(deployer: string, label: string): string {
  return concat([deployer, "0x00", dataSlice(id(label), 0, 11)]);
}

/** What CreateX makes of such a salt. */
function guarded(deployer: string, salt: string): string {
  return keccak256(concat([zeroPadValue(deployer, 32), salt]));
}

/** Where `deployCreate2` puts a contract. */
export function create2Address(deployer: string, salt: string, initCode: string): string {
  return getCreate2Address(CREATE_X, guarded(deployer, salt), keccak256(initCode));
}

/** Where `deployCreate3` puts a contract, whatever its code. */
export function create3Address(deployer: string, salt: string): string {
  const proxy = getCreate2Address(CREATE_X, guarded(deployer, salt), PROXY_CODE_HASH);
  return getCreateAddress({ from: proxy, nonce: 1 });
}

/** @throws {AssayError} BAD_DEPLOYMENT if something else is at its address. */
export async function hasCreateX(provider: Provider): Promise<boolean> {
  const code = await provider.getCode(CREATE_X);
  if (code === "0x") return false;
  if (keccak256(code) === CODE_HASH) return true;
  throw new AssayError("BAD_DEPLOYMENT", `what is at ${CREATE_X} on this chain is not CreateX`);
}

/** The transaction that its author signed for every chain; it comes with Ignition, which sends it on chain 31337 only. */
async function signedDeployment(): Promise<Transaction> {
  const core = import.meta.resolve("@nomicfoundation/ignition-core");
  const file = new URL("internal/execution/strategy/createx-artifact.js", core);
  const module = z.object({ presignedTx: z.string() }).parse(await import(file.href));
  return Transaction.from(module.presignedTx);
}

/**
 * Puts CreateX on a chain that has none: pays its author's account what the signed transaction may cost, and sends that.
 * @param payer Pays up to 0.3 ether.
 * @throws {AssayError} BAD_DEPLOYMENT if the chain does not take it (the transaction names no chain: EIP-155 is optional for it).
 */
export async function deployCreateX(provider: Provider, payer: Signer): Promise<void> {
  const transaction = await signedDeployment();
  const { from } = transaction;
  if (from === null) throw new AssayError("BAD_DEPLOYMENT", "the deployment of CreateX is not signed");
  if ((await provider.getTransactionCount(from)) > 0)
    throw new AssayError("BAD_DEPLOYMENT", `${from} has used its first nonce: CreateX cannot come here`);
  const missing = transaction.gasLimit * (transaction.gasPrice ?? 0n) - (await provider.getBalance(from));
  if (missing > 0n) await (await payer.sendTransaction({ to: from, value: missing })).wait();
  await (await provider.broadcastTransaction(transaction.serialized)).wait();
  if (!(await hasCreateX(provider))) throw new AssayError("BAD_DEPLOYMENT", "CreateX did not come to be");
}

const CALLS = new Interface(CREATE_X_ARTIFACT.abi);

/** Calldata of a deployment through CreateX. */
export function createCall(kind: "deployCreate2" | "deployCreate3", salt: string, initCode: string): string {
  return CALLS.encodeFunctionData(kind, [salt, initCode]);
}
