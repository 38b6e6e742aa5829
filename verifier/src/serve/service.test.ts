import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { inputsRoot } from "../../../program/src/claim.ts";
import { releaseIdOf } from "../../../sdk/src/ids.ts";
import {
  HEADERS,
  INFER_PATH,
  networkOf,
  SCHEME,
  toHeader,
  voucherOf,
  X402_VERSION,
  type Payment,
} from "../../../sdk/src/infer/wire.ts";
import type { Place } from "../../../sdk/src/receipts.ts";
import { toHex, ZERO_HASH, type Hex, type Release } from "../../../sdk/src/structs.ts";
import type { Signature } from "../../../sdk/src/tensor.ts";
import { codeOf } from "../../test/failure.ts";
import { tinyModel } from "../../test/models.ts";
import { testLog } from "../../test/world.ts";
import { depositKey, emptyState } from "../chain/state.ts";
import { createCompute, type Compute } from "../compute/compute.ts";
import { fastOutput } from "../compute/screen.ts";
import { serveHttp } from "../http/server.ts";
import { openDatabase, type Database } from "../state/database.ts";
import { openSpooledReceipts, type ReceiptStore } from "../state/receipts.ts";
import { createDigests, digestSigner } from "./digests.ts";
import { createFair } from "./fair.ts";
import { createPurses } from "./purses.ts";
import { inferRoutes } from "./routes.ts";
import { createService, MAX_ORDER_SECONDS, type Answered, type Service } from "./service.ts";
import { createPrices } from "./terms.ts";

const OPERATOR = digestSigner(`0x${"11".repeat(32)}`);
const CLIENT = digestSigner(`0x${"22".repeat(32)}`);
const PLACE: Place = {
  chainId: 31337,
  receipts: `0x${"3".repeat(40)}`,
  deposits: `0x${"4".repeat(40)}`,
};
const DIGESTS = createDigests(PLACE);
const PRICES = createPrices(1n, new Map(), 4);
const now = (): number => Math.floor(Date.now() / 1000);

describe("answers for vouchers", function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), "assay-service-"));
  const input = new Uint8Array(16);
  const client = CLIENT.address;
  const operator = OPERATOR.address;
  let compute: Compute;
  let database: Database;
  let store: ReceiptStore;
  let service: Service;
  let root: Hex;
  let releaseId: Hex;
  let signature: Signature;
  let nonce = 0n;
  /** Answers that begin wait for what it gives. */
  let gate: () => Promise<void> = () => Promise.resolve();

  before(async () => {
    const path = join(folder, "model.onnx");
    const tensor = { dtype: "f32", shape: [4] } as const;
    const nodes = [{ op: "Relu", inputs: ["x"], output: "y" }];
    writeFileSync(path, tinyModel(nodes, [{ ...tensor, name: "x" }], [{ ...tensor, name: "y" }]));
    compute = createCompute({ workers: 1 });
    const model = await compute.exact.describe(path, {});
    ({ signature } = model);
    root = toHex(inputsRoot({ inputs: model.inputs }, input));
    const release: Release = {
      ...{ modelId: 1n, programRoot: model.programRoot, fileSha256: model.fileSha256, loweringVersion: 1 },
      ...{ bindingsHash: ZERO_HASH, signatureHash: ZERO_HASH, inputBytes: model.inputBytes },
      ...{ outputBytes: model.outputBytes, atol: 0, rtol: 0, stepGas: 0, disputeGas: 0, royaltyBps: 0 },
    };
    releaseId = releaseIdOf(release);
    const prepared = { releaseId, release, model, path };
    database = await openDatabase({ directory: join(folder, "state") });
    store = await openSpooledReceipts(database, join(folder, "receipts"), MAX_ORDER_SECONDS, testLog);
    const state = emptyState();
    const deposit = { depositWei: 1000n, redeemedWei: 0n, leavesAt: 0 };
    state.deposits.set(depositKey(client, operator), { client, operator, signer: client, ...deposit });
    service = createService({
      ...{ account: operator, prices: PRICES, digests: DIGESTS, signer: OPERATOR },
      ...{ store, purses: createPurses(store), fair: createFair({ atOnce: 8, each: 8, all: 8 }), now },
      state: () => state,
      isRead: () => true,
      release: () => prepared,
      answer: async (_release, blob) => {
        await gate();
        return fastOutput(compute.pool, prepared, blob);
      },
    });
  });

  after(async () => {
    await store.close();
    await database.destroy();
    await compute.close();
    rmSync(folder, { recursive: true });
  });

  function paid(totalWei: bigint, priceWei = 1n): Payment {
    const terms = { releaseId, inputsRoot: root, client, operator, priceWei };
    const order = { ...terms, nonce: nonce++, expiresAt: now() + 300 };
    const voucher = voucherOf(order, totalWei, DIGESTS.digestOf("Order", order));
    return { order, totalWei, signature: CLIENT.sign(DIGESTS.digestOf("Voucher", voucher)) };
  }

  /** Sends a body without saying how long it is. @returns the status. */
  async function post(url: string, payment: Payment, body: string): Promise<number> {
    const accepted = { scheme: SCHEME, network: networkOf(PLACE) };
    const payload = toHeader({ x402Version: X402_VERSION, accepted, payload: payment });
    const headers = { "content-type": "application/json", [HEADERS.payment]: payload };
    const posted = httpRequest(`${url}${INFER_PATH}`, { method: "POST", headers });
    posted.on("error", () => undefined);
    posted.flushHeaders();
    posted.end(body);
    const [reply] = (await once(posted, "response")) as [IncomingMessage];
    posted.destroy();
    return reply.statusCode ?? 0;
  }

  const infer = async (payment: Payment): Promise<Answered> => service.infer(service.check(payment), input);

  it("are not given for more than was promised to a client that asks again for what it has", async () => {
    const first = paid(1n);
    const answered = await infer(first);
    let release = (): void => undefined;
    const begun = new Promise<void>((begin) => {
      gate = () => {
        begin();
        return new Promise((open) => (release = open));
      };
    });
    const slow = infer(paid(3n));
    await begun;
    gate = () => Promise.resolve();
    expect(await infer(first)).to.deep.equal(answered);
    // One is answered, one is being computed, and there is room for one.
    expect(await codeOf(infer(paid(3n)))).to.equal("none");
    expect(await codeOf(infer(paid(3n)))).to.equal("PAYMENT_REQUIRED");
    release();
    const late = await slow;
    expect((await store.purse(client))?.owedWei).to.equal(3n);
    expect((await store.find(late.receipt.requestHash))?.receipt).to.deep.equal(late.receipt);
  });

  it("are given again to all who ask for one at once, though its voucher is used up", async () => {
    const last = paid(4n);
    const answered = await infer(last);
    // Of two that come together the second joins the first.
    const again = await Promise.all([infer(last), infer(last), infer(last)]);
    expect(again).to.deep.equal([answered, answered, answered]);
    expect((await store.purse(client))?.owedWei).to.equal(4n);
  });

  it("are refused before anything is read to a deposit that is less than the price", () => {
    expect(service.check(paid(1004n, 1000n)).deposit.depositWei).to.equal(1000n);
    expect(() => service.check(paid(1005n, 1001n))).to.throw("does not cover the price");
  });

  it("are given for bodies whose length is not told, unless they are longer than the input can be", async () => {
    const offering = { place: PLACE, operator, key: operator, prices: PRICES, maxOrderSeconds: 600 };
    const signatureOf = () => signature;
    const server = await serveHttp({
      ...{ host: "127.0.0.1", port: 0, log: testLog, health: () => ({ ready: true }) },
      routes: [inferRoutes({ service, offering, served: () => [releaseId], signatureOf })],
    });
    try {
      const body = JSON.stringify({ inputs: { x: [0, 0, 0, 0] } });
      expect(await post(server.url, paid(5n), body)).to.equal(200);
      expect(await post(server.url, paid(6n), body.padEnd(2 ** 17))).to.equal(413);
      expect(await post(server.url, paid(6n), body.padEnd(2 ** 23))).to.equal(413);
    } finally {
      await server.close();
    }
  });
});
