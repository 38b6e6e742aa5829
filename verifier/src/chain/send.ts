/** Sends one account's transactions: nonces, fees, simulation, replacement of stuck ones, most urgent first. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Interface, JsonRpcApiProvider, TransactionReceipt, TransactionRequest, Wallet } from "ethers";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { asRevert } from "../../../sdk/src/revert.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import type { Logger } from "../log.ts";

export interface Intent {
  /** For logs: what it does. */
  readonly label: string;
  readonly to: Hex;
  readonly data: string;
  readonly value?: bigint;
  /** Unix seconds by which it must be mined; routine work leaves it out and goes last. */
  readonly deadline?: number;
}

export interface SenderOptions {
  readonly wallet: Wallet;
  readonly provider: JsonRpcApiProvider;
  readonly log: Logger;
  /** Transactions that wait to be mined at once. Default 16. */
  readonly maxInFlight?: number;
  readonly pollMs?: number;
  /** A transaction that is not mined by then is sent again with a higher fee. Default 30. */
  readonly bumpSeconds?: number;
  /** Default 6. */
  readonly maxBumps?: number;
  /** Never pay more than this per gas, wei. Default 500 gwei. */
  readonly maxFeePerGas?: bigint;
}

export interface Sender {
  readonly address: Hex;
  /**
   * Resolves once mined successfully.
   * @throws {AssayError} REVERTED (in simulation or on chain; details.error names the contract's error), RPC_FAILED,
   * TRANSACTION_STUCK, CLOSED.
   */
  send(intent: Intent): Promise<TransactionReceipt>;
  /** No new transactions; resolves when those in flight are mined or given up. */
  close(): Promise<void>;
}

interface Queued {
  readonly intent: Intent;
  readonly resolve: (receipt: TransactionReceipt) => void;
  readonly reject: (error: unknown) => void;
}

interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

const GWEI = 1_000_000_000n;
/** The estimate can fall short where a call's gas depends on what is left; the block's own cap is far above. */
const GAS_MARGIN_PERCENT = 130n;

export function encodeCall(contract: Interface, method: string, args: readonly unknown[]): string {
  return contract.encodeFunctionData(method, args);
}

function isNonceError(error: unknown): boolean {
  const text = messageOf(error).toLowerCase();
  return text.includes("nonce") || text.includes("already known") || text.includes("underpriced");
}

export function createSender(options: SenderOptions): Sender {
  const { provider, log, maxInFlight = 16, pollMs = 500, bumpSeconds = 30, maxBumps = 6 } = options;
  const feeCap = options.maxFeePerGas ?? 500n * GWEI;
  const wallet = options.wallet.connect(provider);
  const queue: Queued[] = [];
  const inFlight = new Set<Promise<void>>();
  let nonce: number | undefined;
  let pumping = false;
  let closed = false;

  async function fees(bump: number): Promise<Fees> {
    const [block, tip] = await Promise.all([
      provider.getBlock("latest"),
      provider.send("eth_maxPriorityFeePerGas", []).then(
        (v: unknown) => BigInt(String(v)),
        () => GWEI,
      ),
    ]);
    // Each replacement must raise both fees by a tenth at least.
    const raise = (fee: bigint): bigint => (fee * 125n ** BigInt(bump)) / 100n ** BigInt(bump);
    const priority = raise(tip > 0n ? tip : GWEI);
    const max = raise(2n * (block?.baseFeePerGas ?? GWEI)) + priority;
    return {
      maxFeePerGas: max < feeCap ? max : feeCap,
      maxPriorityFeePerGas: priority < feeCap ? priority : feeCap,
    };
  }

  function failure(intent: Intent, error: unknown): AssayError {
    if (error instanceof AssayError) return error;
    const revert = asRevert(intent.label, error);
    return (
      revert ??
      new AssayError("RPC_FAILED", `${intent.label}: ${messageOf(error)}`, { retryable: true, cause: error })
    );
  }

  /** Simulates and broadcasts. Only one runs at a time, so nonces go out in order. */
  async function broadcast(intent: Intent): Promise<TransactionRequest & { hash: string }> {
    const call = { to: intent.to, data: intent.data, value: intent.value ?? 0n, from: wallet.address };
    const gasLimit = ((await provider.estimateGas(call)) * GAS_MARGIN_PERCENT) / 100n;
    for (let attempt = 0; ; attempt++) {
      nonce ??= await provider.getTransactionCount(wallet.address, "pending");
      const tx = {
        ...call,
        type: 2,
        chainId: (await provider.getNetwork()).chainId,
        gasLimit,
        nonce,
        ...(await fees(0)),
      };
      try {
        const { hash } = await provider.broadcastTransaction(await wallet.signTransaction(tx));
        nonce = tx.nonce + 1;
        log.debug({ label: intent.label, hash, nonce: tx.nonce }, "sent");
        return { ...tx, hash };
      } catch (error) {
        // Somebody else used this key, or the node lost our transactions: take the chain's word.
        nonce = undefined;
        if (attempt === 2 || !isNonceError(error)) throw error;
      }
    }
  }

  async function receiptOf(hashes: readonly string[]): Promise<TransactionReceipt | undefined> {
    for (const hash of hashes) {
      const receipt = await provider.getTransactionReceipt(hash);
      if (receipt !== null) return receipt;
    }
    return undefined;
  }

  async function replace(intent: Intent, tx: TransactionRequest, bump: number): Promise<string | undefined> {
    try {
      const sent = await provider.broadcastTransaction(
        await wallet.signTransaction({ ...tx, ...(await fees(bump)) }),
      );
      log.warn({ label: intent.label, hash: sent.hash, bump }, "not mined yet: sent again with a higher fee");
      return sent.hash;
    } catch (error) {
      // Mined meanwhile, or the node keeps the earlier one: the receipt will tell.
      log.debug({ label: intent.label, error: messageOf(error) }, "replacement refused");
      return undefined;
    }
  }

  async function mined(
    intent: Intent,
    { hash, ...tx }: TransactionRequest & { hash: string },
  ): Promise<TransactionReceipt> {
    const hashes = [hash];
    let bumps = 0;
    for (let waited = 0; bumps <= maxBumps;) {
      await sleep(pollMs);
      waited += pollMs;
      const receipt = await receiptOf(hashes).catch(() => undefined);
      if (receipt !== undefined) return receipt;
      if (waited < bumpSeconds * 1000) continue;
      waited = 0;
      const again = await replace(intent, tx, ++bumps);
      if (again !== undefined) hashes.unshift(again);
    }
    nonce = undefined;
    throw new AssayError("TRANSACTION_STUCK", `${intent.label} was not mined`, {
      retryable: true,
      details: { hashes },
    });
  }

  async function settle(
    { intent, resolve, reject }: Queued,
    tx: TransactionRequest & { hash: string },
  ): Promise<void> {
    try {
      const receipt = await mined(intent, tx);
      if (receipt.status === 1) {
        log.info({ label: intent.label, hash: receipt.hash, gas: Number(receipt.gasUsed) }, "mined");
        return resolve(receipt);
      }
      await provider.call({
        to: intent.to,
        data: intent.data,
        from: wallet.address,
        blockTag: receipt.blockNumber,
      });
      throw new AssayError("REVERTED", `${intent.label} reverted, but no longer does`, { retryable: true });
    } catch (error) {
      reject(failure(intent, error));
    }
  }

  function takeMostUrgent(): Queued | undefined {
    const urgency = ({ intent }: Queued): number => intent.deadline ?? Infinity;
    const first = queue.reduce<Queued | undefined>(
      (a, b) => (a === undefined || urgency(b) < urgency(a) ? b : a),
      undefined,
    );
    if (first !== undefined) queue.splice(queue.indexOf(first), 1);
    return first;
  }

  async function pump(): Promise<void> {
    if (pumping) return;
    pumping = true;
    while (inFlight.size < maxInFlight) {
      const next = takeMostUrgent();
      if (next === undefined) break;
      try {
        const tx = await broadcast(next.intent);
        const done: Promise<void> = settle(next, tx).finally(() => {
          inFlight.delete(done);
          void pump();
        });
        inFlight.add(done);
      } catch (error) {
        next.reject(failure(next.intent, error));
      }
    }
    pumping = false;
  }

  return {
    address: `0x${wallet.address.slice(2)}`,
    send(intent) {
      if (closed) return Promise.reject(new AssayError("CLOSED", "the node is stopping"));
      return new Promise((resolve, reject) => {
        queue.push({ intent, resolve, reject });
        void pump();
      });
    },
    async close() {
      closed = true;
      for (const { reject } of queue.splice(0)) reject(new AssayError("CLOSED", "the node is stopping"));
      await Promise.allSettled([...inFlight]);
    },
  };
}
