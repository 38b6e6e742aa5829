/** An operator over HTTP for tests: small, real signatures, and as bad as it is told to be. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Wallet } from "ethers";
import { freePort } from "../../scripts/anvil.ts";
import { keccak } from "../src/ids.ts";
import { inputsRootOf } from "../src/infer/inputsRoot.ts";
import {
  fromHeader,
  HEADERS,
  INFER_PATH,
  networkOf,
  paymentSchema,
  SCHEME,
  TERMS_PATH,
  toHeader,
  toJson,
  X402_VERSION,
  type Payment,
  voucherOf,
} from "../src/infer/wire.ts";
import { digestOf, requireSigner, signAs, type Place, type Receipt } from "../src/receipts.ts";
import { sameHex, ZERO_ADDRESS, ZERO_HASH, type Hex } from "../src/structs.ts";
import type { Signature } from "../src/tensor.ts";

export const MISDEEDS = [
  /** The answer without its receipt. */
  "withholds",
  /** Answers, and nothing arrives. */
  "hangs up",
  "forges the signature",
  "signs in a form that no contract takes",
  "signs for another input",
  "signs for another release",
  "signs for another order",
  "signs for another operator",
  "signs for a lower bond",
  "backdates",
  "dates into the future",
  "sends another output than it signed",
  "sends a receipt of before",
  "sends no receipt but noise",
  "sends an output that is too short",
  "asks for more than its terms",
  "counts more as owed",
  "never ends its answer",
  "drips",
  "redirects",
  "fails",
  "refuses",
  "has no time",
] as const;
export type Misdeed = (typeof MISDEEDS)[number];

export interface TestOperatorOptions {
  readonly place: Place;
  readonly operator: Hex;
  readonly key: Wallet;
  readonly releaseId: Hex;
  readonly signature: Signature;
  /** Whose signature is on vouchers. */
  readonly voucherSigner: Hex;
  readonly answer: (input: Uint8Array) => Uint8Array;
  priceWei: bigint;
  bondClass: number;
}

interface Given {
  readonly receipt: Receipt;
  readonly signature: Hex;
  readonly output: Uint8Array;
}

export interface TestOperator {
  readonly url: string;
  readonly options: TestOperatorOptions;
  misdeed: Misdeed | undefined;
  /** By the best voucher that it was ever sent. */
  signedWei: bigint;
  owedWei: bigint;
  /** Requests for answers. */
  asked: number;
  /** Orders by nonce. */
  readonly orders: Map<bigint, Hex>;
  stop(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

const LIES: Partial<Record<Misdeed, (receipt: Receipt) => Receipt>> = {
  "signs for another input": (receipt) => ({ ...receipt, inputsRoot: ZERO_HASH }),
  "signs for another release": (receipt) => ({ ...receipt, releaseId: ZERO_HASH }),
  "signs for another order": (receipt) => ({ ...receipt, requestHash: ZERO_HASH }),
  "signs for another operator": (receipt) => ({ ...receipt, operator: ZERO_ADDRESS }),
  "signs for a lower bond": (receipt) => ({ ...receipt, bondClass: receipt.bondClass - 1 }),
  backdates: (receipt) => ({ ...receipt, issuedAt: receipt.issuedAt - 3600 }),
  "dates into the future": (receipt) => ({ ...receipt, issuedAt: receipt.issuedAt + 3600 }),
};

export async function startOperator(options: TestOperatorOptions): Promise<TestOperator> {
  const { place, operator, key, releaseId, signature } = options;
  const port = await freePort();
  const given = new Map<Hex, Given>();
  const state: TestOperator = {
    ...{ url: `http://127.0.0.1:${port}`, options, misdeed: undefined },
    ...{ signedWei: 0n, owedWei: 0n, asked: 0, orders: new Map<bigint, Hex>() },
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        server.closeAllConnections();
      }),
  };

  function required(error: string, owedWei?: bigint, amount = options.priceWei): string {
    const resource = { url: `${state.url}${INFER_PATH}`, description: "", mimeType: "" };
    const extra = { releaseId, receipts: place.receipts, deposits: place.deposits };
    const terms = {
      ...{ scheme: SCHEME, network: networkOf(place), asset: ZERO_ADDRESS, amount, payTo: operator },
      ...{ maxTimeoutSeconds: 120, extra: { ...extra, key: key.address, bondClass: options.bondClass } },
    };
    const extensions = owedWei === undefined ? {} : { extensions: { owedWei } };
    return toJson({ x402Version: X402_VERSION, error, resource, accepts: [terms], ...extensions });
  }

  async function give({ order }: Payment, input: Uint8Array): Promise<Given> {
    const digest = digestOf(place, "Order", order);
    const known = given.get(digest);
    if (known !== undefined) return known;
    const output = options.answer(input);
    const receipt: Receipt = {
      ...{ requestHash: digest, releaseId, inputsRoot: order.inputsRoot, outputHash: keccak(output) },
      ...{ operator, issuedAt: Math.floor(Date.now() / 1000), bondClass: options.bondClass },
    };
    const made = { receipt, signature: await signAs(key, place, "Receipt", receipt), output };
    given.set(digest, made);
    state.owedWei += order.priceWei;
    return made;
  }

  async function told(answer: Given, misdeed: Misdeed | undefined): Promise<Given> {
    const lie = misdeed && LIES[misdeed];
    if (lie !== undefined) {
      const receipt = lie(answer.receipt);
      return { ...answer, receipt, signature: await signAs(key, place, "Receipt", receipt) };
    }
    const [first = answer] = given.values();
    if (misdeed === "sends a receipt of before") return first;
    if (misdeed === "forges the signature") return { ...answer, signature: `0x${"12".repeat(64)}1b` };
    if (misdeed === "signs in a form that no contract takes")
      return {
        ...answer,
        signature: `${answer.signature.slice(0, -2) as Hex}${answer.signature.endsWith("1b") ? "00" : "01"}`,
      };
    if (misdeed === "sends another output than it signed")
      return { ...answer, output: answer.output.map((byte) => byte ^ 1) };
    if (misdeed === "sends an output that is too short") return { ...answer, output: answer.output.slice(1) };
    return answer;
  }

  async function infer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    state.asked++;
    const input = await bodyOf(request);
    const json = { "content-type": "application/json" };
    const header = request.headers[HEADERS.payment];
    if (typeof header !== "string") return void response.writeHead(402, json).end(required("pay"));
    const { payload } = fromHeader(paymentSchema, "payment", header);
    const { order, totalWei } = payload;
    const digest = digestOf(place, "Order", order);
    const voucher = voucherOf(order, totalWei, digest);
    requireSigner(place, "Voucher", voucher, payload.signature, options.voucherSigner);
    if ((state.orders.get(order.nonce) ?? digest) !== digest) throw new Error("a nonce was used again");
    state.orders.set(order.nonce, digest);
    if (totalWei > state.signedWei) state.signedWei = totalWei;
    const { misdeed } = state;
    if (misdeed === "has no time")
      return void response
        .writeHead(503, { ...json, "retry-after": "0" })
        .end('{"error":"busy","code":"BUSY"}');
    if (misdeed === "refuses")
      return void response.writeHead(400, json).end('{"error":"I \\u001b[31mwill not","code":"BAD_PAYMENT"}');
    if (misdeed === "asks for more than its terms")
      return void response.writeHead(402, json).end(required("dearer", 0n, options.priceWei * 10n));
    if (misdeed === "counts more as owed")
      return void response
        .writeHead(402, json)
        .end(required("owed", state.owedWei + 100n * options.priceWei));
    if (!sameHex(inputsRootOf(signature, input), order.inputsRoot)) throw new Error("another input");
    if (
      order.priceWei < options.priceWei ||
      (!given.has(digest) && state.signedWei < state.owedWei + order.priceWei)
    )
      return void response.writeHead(402, json).end(required("more", state.owedWei));
    const answer = await told(await give(payload, input), misdeed);
    if (misdeed === "hangs up") return void response.destroy();
    if (misdeed === "fails") return void response.writeHead(500).end();
    if (misdeed === "redirects")
      return void response.writeHead(307, { location: `${state.url}/elsewhere` }).end();
    const extensions = { receipt: answer.receipt, signature: answer.signature };
    const settled = {
      success: true,
      transaction: "",
      network: networkOf(place),
      payer: order.client,
      extensions,
    };
    const receipt = misdeed === "sends no receipt but noise" ? "bm9pc2U=" : toHeader(settled);
    const headers = misdeed === "withholds" ? {} : { [HEADERS.response]: receipt };
    response.writeHead(200, { "content-type": "application/octet-stream", ...headers });
    if (misdeed === "never ends its answer") return endless(response);
    if (misdeed === "drips") return drip(response);
    response.end(answer.output);
  }

  const server: Server = createServer((request, response) => {
    const { pathname = "" } = URL.parse(request.url ?? "", state.url) ?? {};
    if (pathname === TERMS_PATH) {
      response.writeHead(200, { "content-type": "application/json" }).end(required("pay"));
      return;
    }
    infer(request, response).catch((error: unknown) => {
      response.writeHead(400).end(JSON.stringify({ error: String(error) }));
    });
  });
  await new Promise<void>((ready) => server.listen(port, "127.0.0.1", ready));
  return state;
}

function endless(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(65_536)));
  };
  response.on("drain", more);
  more();
}

function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write(Buffer.from([7])), 100);
  response.on("close", () => clearInterval(timer));
}
