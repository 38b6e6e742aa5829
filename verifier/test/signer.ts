/** A remote signer for tests: a real one, unless told to lie. */
import { text } from "node:stream/consumers";
import { Transaction, type Wallet } from "ethers";
import { z } from "zod/v4";
import { serve } from "../../scripts/serve.ts";

export interface SignerRequest {
  readonly method: string;
  /** The transaction to sign, as it was sent. */
  readonly fields: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
}

/** Changes what is signed, or answers something else altogether: a string is the whole body of the answer. */
export type Lie = (
  transaction: Transaction,
  request: SignerRequest,
) => string | undefined | Promise<string | undefined>;

export interface TestSigner {
  readonly url: string;
  readonly requests: SignerRequest[];
  lie: Lie;
  stop(): Promise<void>;
}

const bodySchema = z.object({
  id: z.number(),
  method: z.string(),
  params: z.tuple([z.record(z.string(), z.string())]),
});

export async function startSigner(wallet: Wallet): Promise<TestSigner> {
  const signer = { requests: [] as SignerRequest[], lie: (() => undefined) as Lie };

  async function answer(body: string, authorization: string | undefined): Promise<string> {
    const { id, method, params } = bodySchema.parse(JSON.parse(body));
    const [fields] = params;
    const asked = { method, fields, authorization };
    signer.requests.push(asked);
    const rest = Object.fromEntries(
      Object.entries(fields).filter(([name]) => name !== "from" && name !== "gas"),
    );
    const transaction = Transaction.from({
      ...rest,
      type: 2,
      gasLimit: fields["gas"] ?? "0x0",
      nonce: Number(rest["nonce"]),
    });
    const lie = await signer.lie(transaction, asked);
    if (lie !== undefined) return lie;
    transaction.signature = wallet.signingKey.sign(transaction.unsignedHash);
    return JSON.stringify({ jsonrpc: "2.0", id, result: transaction.serialized });
  }

  const { url, close } = await serve((request, response) => {
    text(request)
      .then((body) => answer(body, request.headers.authorization))
      .then(
        (body) => response.setHeader("content-type", "application/json").end(body),
        () => response.writeHead(500).end(),
      );
  });
  return Object.assign(signer, { url, stop: close });
}
