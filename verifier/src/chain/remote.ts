/**
 * A signer in another process or machine, asked over HTTP JSON-RPC: `eth_signTransaction`, as Web3Signer and others offer it, or
 * `account_signTransaction` (clef). It is not trusted with more than its key: what it returns is checked field by field.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { toQuantity } from "ethers";
import { z } from "zod/v4";
import { AssayError } from "../../../sdk/src/error.ts";
import { hex, type Hex } from "../../../sdk/src/structs.ts";
import { bodyOf } from "./rpc/body.ts";
import { splitCredentials } from "./rpc/http.ts";
import { checkSigned, type Signer, type UnsignedTransaction } from "./signer.ts";

export interface RemoteSignerOptions {
  /** http or https; credentials in it are sent as basic authentication and never logged. */
  readonly url: string;
  /** The account that signs. */
  readonly address: Hex;
  /** For one try. Default 5000. */
  readonly timeoutMs?: number;
}

const TRIES = 3;
const PAUSE_MS = 300;
const METHODS = ["eth_signTransaction", "account_signTransaction"] as const;
const METHOD_NOT_FOUND = -32601;
/** Beside the transaction itself, which some signers return twice: as bytes and as fields. */
const ROOM_BYTES = 65_536;

const answerSchema = z.union([
  z.object({ result: z.union([hex, z.object({ raw: hex }).transform(({ raw }) => raw)]) }),
  z.object({ error: z.object({ code: z.number().int(), message: z.string().optional() }) }),
]);

function failed(text: string, retryable: boolean): AssayError {
  return new AssayError("SIGNER_FAILED", `the remote signer ${text}`, { retryable });
}

function parse(body: string): z.infer<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(body));
  } catch {
    throw failed("does not answer in JSON-RPC", false);
  }
}

function parameterOf(from: Hex, transaction: UnsignedTransaction): Record<string, string> {
  const { chainId, nonce, to, data, value, gasLimit, maxFeePerGas, maxPriorityFeePerGas } = transaction;
  const numbers = { chainId, nonce, value, gas: gasLimit, maxFeePerGas, maxPriorityFeePerGas };
  const quantities = Object.entries(numbers).map(([name, number]) => [name, toQuantity(number)] as const);
  return { from, to, data, type: "0x2", ...Object.fromEntries(quantities) };
}

/** Nothing is asked until the first signature. */
export function remoteSigner({ url, address, timeoutMs = 5000 }: RemoteSignerOptions): Signer {
  const { target, headers: credentials } = splitCredentials(url);
  const headers = { "content-type": "application/json", ...credentials };
  let method: (typeof METHODS)[number] = METHODS[0];

  async function post(body: string): Promise<string> {
    const signal = AbortSignal.timeout(timeoutMs);
    let response: Response;
    try {
      response = await fetch(target, { method: "POST", headers, body, signal, redirect: "error" });
    } catch {
      // The cause may quote the address.
      throw failed(signal.aborted ? "does not answer in time" : "cannot be reached", true);
    }
    if (response.status >= 500) throw failed(`answers with HTTP ${response.status}`, true);
    try {
      return await bodyOf(response, 3 * body.length + ROOM_BYTES, () =>
        failed("answers with too much", false),
      );
    } catch (error) {
      if (error instanceof AssayError) throw error;
      throw failed("does not answer in time", true);
    }
  }

  async function ask(transaction: UnsignedTransaction): Promise<Hex> {
    const params = [parameterOf(address, transaction)];
    const answer = parse(await post(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })));
    if ("result" in answer) return answer.result;
    if (answer.error.code === METHOD_NOT_FOUND && method === METHODS[0]) {
      method = METHODS[1];
      return ask(transaction);
    }
    throw failed(`refuses (error ${answer.error.code})`, false);
  }

  return {
    address,
    async sign(transaction) {
      for (let tried = 1; ; tried++) {
        try {
          const raw = await ask(transaction);
          checkSigned(raw, address, transaction);
          return raw;
        } catch (error) {
          if (!(error instanceof AssayError) || !error.retryable || tried === TRIES) throw error;
          await sleep(PAUSE_MS * tried);
        }
      }
    },
  };
}
