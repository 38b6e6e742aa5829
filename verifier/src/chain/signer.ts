/** Who signs. Keys stay where they are: in this process's memory, or with a remote signer. */
import { Transaction, type BaseWallet } from "ethers";
import { AssayError } from "../../../sdk/src/error.ts";
import { hex, type Hex } from "../../../sdk/src/structs.ts";

/** Of type 2 (EIP-1559), without an access list. Amounts in wei. */
export interface UnsignedTransaction {
  readonly chainId: number;
  readonly nonce: number;
  readonly to: Hex;
  readonly data: Hex;
  readonly value: bigint;
  readonly gasLimit: number;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export interface Signer {
  readonly address: Hex;
  /** The key itself, if it is in this process's memory: receipts are signed by the thousand. */
  readonly privateKey?: Hex;
  /** @returns the signed transaction's bytes. @throws {AssayError} SIGNER_FAILED */
  sign(transaction: UnsignedTransaction): Promise<Hex>;
}

/** Signs with a key in memory. */
export function walletSigner(wallet: BaseWallet): Signer {
  return {
    address: hex.parse(wallet.address),
    privateKey: hex.parse(wallet.privateKey),
    async sign(transaction) {
      const raw = await wallet.signTransaction({ type: 2, ...transaction });
      checkSigned(raw, wallet.address, transaction);
      return hex.parse(raw);
    },
  };
}

/**
 * Whether `raw` is exactly what was asked for, signed by `address`.
 * @throws {AssayError} SIGNER_FAILED, naming the first field that differs.
 */
export function checkSigned(raw: string, address: string, asked: UnsignedTransaction): void {
  const signed = parse(raw);
  const wanted: readonly (readonly [string, unknown, unknown])[] = [
    ["encoding", signed.serialized.toLowerCase(), raw.toLowerCase()],
    ["type", signed.type, 2],
    ["signer", signed.from?.toLowerCase(), address.toLowerCase()],
    ["chainId", signed.chainId, BigInt(asked.chainId)],
    ["nonce", signed.nonce, asked.nonce],
    ["to", signed.to?.toLowerCase(), asked.to.toLowerCase()],
    ["data", signed.data.toLowerCase(), asked.data.toLowerCase()],
    ["value", signed.value, asked.value],
    ["gasLimit", signed.gasLimit, BigInt(asked.gasLimit)],
    ["maxFeePerGas", signed.maxFeePerGas, asked.maxFeePerGas],
    ["maxPriorityFeePerGas", signed.maxPriorityFeePerGas, asked.maxPriorityFeePerGas],
    ["accessList", signed.accessList?.length ?? 0, 0],
  ];
  const wrong = wanted.find(([, is, should]) => is !== should);
  if (wrong !== undefined)
    throw new AssayError("SIGNER_FAILED", `the signer signed something else: ${wrong[0]} differs`);
}

function parse(raw: string): Transaction {
  try {
    const transaction = Transaction.from(raw);
    if (transaction.isSigned()) return transaction;
  } catch {
    // Reported below.
  }
  throw new AssayError("SIGNER_FAILED", "the signer's answer is no signed transaction");
}
