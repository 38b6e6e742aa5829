/** A remote signer for tests: a real one, unless told to lie. */
import { createServer } from "node:http";
import { Transaction, type Wallet } from "ethers";
import { z } from "zod/v4";
import { close, listen } from "./proxy.ts";

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
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const answer = async (): Promise<string> => {
        const { id, method, params } = bodySchema.parse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
        const [fields] = params;
        const asked = { method, fields, authorization: request.headers.authorization };
        signer.requests.push(asked);
        const { from: _from, gas, ...rest } = fields;
        const transaction = Transaction.from({
          ...rest,
          type: 2,
          gasLimit: gas ?? "0x0",
          nonce: Number(rest["nonce"]),
        });
        const lie = await signer.lie(transaction, asked);
        if (lie !== undefined) return lie;
        transaction.signature = wallet.signingKey.sign(transaction.unsignedHash);
        return JSON.stringify({ jsonrpc: "2.0", id, result: transaction.serialized });
      };
      answer().then(
        (body) => response.setHeader("content-type", "application/json").end(body),
        () => response.writeHead(500).end(),
      );
    });
  });
  const url = await listen(server);
  return Object.assign(signer, { url, stop: () => close(server) });
}
