/**
 * Answers for receipts against bare onnxruntime behind the same HTTP server, with the same two workers and the same load: a model of
 * about five milliseconds, both in turns. Ours checks an order and a voucher for each answer, signs a receipt, and has it in the
 * database before it is sent.
 */
import { fork, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inputsRoot } from "../program/src/claim.ts";
import { INFER_PATH, networkOf, SCHEME, toHeader, voucherOf, X402_VERSION } from "../sdk/src/infer/wire.ts";
import type { Place } from "../sdk/src/receipts.ts";
import { toHex, type Hex } from "../sdk/src/structs.ts";
import { depositKey, emptyState } from "../verifier/src/chain/state.ts";
import { createBatcher, RUNS } from "../verifier/src/compute/batcher.ts";
import { createBatches } from "../verifier/src/compute/batches.ts";
import { createCompute } from "../verifier/src/compute/compute.ts";
import { fastOutput } from "../verifier/src/compute/screen.ts";
import { serveHttp, type Routes } from "../verifier/src/http/server.ts";
import { createDigests, digestSigner } from "../verifier/src/serve/digests.ts";
import { createFair } from "../verifier/src/serve/fair.ts";
import { createPurses } from "../verifier/src/serve/purses.ts";
import { inferRoutes } from "../verifier/src/serve/routes.ts";
import { createService, MAX_ORDER_SECONDS } from "../verifier/src/serve/service.ts";
import { createPrices } from "../verifier/src/serve/terms.ts";
import { openDatabase } from "../verifier/src/state/database.ts";
import { openSpooledReceipts } from "../verifier/src/state/receipts.ts";
import { testLog } from "../verifier/test/world.ts";
import { said } from "./child.ts";
import type { Figure } from "./figure.ts";
import type { Load, Loaded } from "./infer.client.ts";
import { BINDINGS, calibrated, input, median, preparedFrom } from "./model.ts";

const WORKERS = 2;
const TURNS = 5;
/** Answers of one side in one turn. */
const ANSWERS = 600;
/** Requests at a time: for throughput as many as keep everything busy, for latency no more than there are workers. */
const [BUSY, CALM] = [32, 1];
const PRICE = 10n ** 12n;
const OPERATOR = digestSigner(`0x${"11".repeat(32)}`);
const CLIENT = digestSigner(`0x${"22".repeat(32)}`);
const address = (digit: string): Hex => `0x${digit.repeat(40)}`;
const PLACE: Place = { chainId: 31337, receipts: address("3"), deposits: address("4") };
const FAR = Number.MAX_SAFE_INTEGER;

/** Payments of one client, each voucher a price above the one before. */
function createPayments(releaseId: Hex, root: Hex): (count: number) => string[] {
  const digests = createDigests(PLACE);
  const network = networkOf(PLACE);
  const [operator, client] = [OPERATOR.address, CLIENT.address];
  let made = 0n;
  return (count) =>
    Array.from({ length: count }, () => {
      made++;
      const expiresAt = Math.floor(Date.now() / 1000) + MAX_ORDER_SECONDS - 10;
      const terms = { releaseId, inputsRoot: root, client, operator, priceWei: PRICE };
      const order = { ...terms, nonce: made, expiresAt };
      const totalWei = made * PRICE;
      const voucher = voucherOf(order, totalWei, digests.digestOf("Order", order));
      const payload = { order, totalWei, signature: CLIENT.sign(digests.digestOf("Voucher", voucher)) };
      return toHeader({ x402Version: X402_VERSION, accepted: { scheme: SCHEME, network }, payload });
    });
}

/** Whoever runs this owns the deposit. */
function stateWithDeposit() {
  const state = emptyState();
  const [operator, client] = [OPERATOR.address, CLIENT.address];
  const money = { depositWei: 10n ** 24n, redeemedWei: 0n, leavesAt: 0 };
  state.deposits.set(depositKey(client, operator), { client, operator, signer: client, ...money });
  state.keys.set(operator, { operator, until: FAR });
  return state;
}

async function startClient(): Promise<{ run(load: Load): Promise<Loaded>; close(): void }> {
  const child: ChildProcess = fork(new URL("./infer.client.ts", import.meta.url), {
    execArgv: [],
    serialization: "advanced",
  });
  await said(child);
  return {
    async run(load) {
      child.send(load);
      const loaded = await said<Loaded>(child);
      if (loaded.failures > 0) throw new Error(`${loaded.failures} requests failed`);
      return loaded;
    },
    close: () => child.disconnect(),
  };
}

function percentile(values: readonly number[], share: number): number {
  return (
    values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0
  );
}

/** Throughput of both and their ratio; latency without a queue of both and its difference. */
export async function measureInfer({ turns = TURNS, answers = ANSWERS } = {}): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "assay-infer-"));
  const path = join(folder, "model.onnx");
  const { file, ms } = await calibrated();
  writeFileSync(path, file);
  const compute = createCompute({ workers: WORKERS });
  const model = await compute.exact.describe(path, BINDINGS);
  const prepared = preparedFrom(model, path);
  const { releaseId } = prepared;
  const database = await openDatabase({ directory: join(folder, "state") });
  const store = await openSpooledReceipts(database, join(folder, "receipts"), MAX_ORDER_SECONDS, testLog);
  const state = stateWithDeposit();
  const digests = createDigests(PLACE);
  const prices = createPrices(PRICE, new Map(), 4);
  const batches = createBatches(compute, testLog);
  const sizes = await batches.check(prepared);
  let sharing = false;
  const sizesOf = (): readonly number[] => (sharing ? sizes : []);
  const batcher = createBatcher({ pool: compute.pool, runs: RUNS * WORKERS, sizesOf });
  const service = createService({
    ...{ account: OPERATOR.address, prices, digests, signer: OPERATOR, store, purses: createPurses(store) },
    fair: createFair({ atOnce: 64, each: 64, all: 64 }),
    state: () => state,
    isRead: () => true,
    release: () => prepared,
    answer: (_release, blob, deadline) => batcher.output(prepared, blob, deadline),
    now: () => Math.floor(Date.now() / 1000),
  });
  const bare: Routes = (app) => {
    app.post("/bare", { bodyLimit: 2 ** 20, config: { upload: true } }, async (request, reply) => {
      const output = await fastOutput(compute.pool, prepared, request.body as Uint8Array);
      return reply.type("application/octet-stream").send(Buffer.from(output));
    });
  };
  const offering = {
    place: PLACE,
    operator: OPERATOR.address,
    key: OPERATOR.address,
    prices,
    maxOrderSeconds: 600,
  };
  const server = await serveHttp({
    ...{ host: "127.0.0.1", port: 0, log: testLog, health: () => ({ ready: true }) },
    routes: [
      inferRoutes({
        service,
        offering,
        served: () => [releaseId],
        signatureOf: () => model.signature,
      }),
      bare,
    ],
    limits: { uploads: { all: 256, client: { connections: 64, concurrent: 64, perSecond: 1e6 } } },
  });
  const client = await startClient();
  const blob = new Uint8Array(input().buffer);
  const payments = createPayments(releaseId, toHex(inputsRoot({ inputs: model.inputs }, blob)));
  const ours = (lanes: number, count: number): Promise<Loaded> =>
    client.run({ url: `${server.url}${INFER_PATH}`, body: blob, payments: payments(count), lanes });
  const theirs = (lanes: number, count: number): Promise<Loaded> =>
    client.run({
      url: `${server.url}/bare`,
      body: blob,
      payments: Array.from({ length: count }, () => ""),
      lanes,
    });
  try {
    await theirs(BUSY, answers / 4);
    await ours(BUSY, answers / 4);
    const rates: { ours: number; shared: number; theirs: number }[] = [];
    const calm: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
    for (let turn = 0; turn < turns; turn++) {
      const rate = ({ seconds }: Loaded): number => answers / seconds;
      const alone = rate(await ours(BUSY, answers));
      const bareRate = rate(await theirs(BUSY, answers));
      sharing = true;
      rates.push({ ours: alone, theirs: bareRate, shared: rate(await ours(BUSY, answers)) });
      calm.ours.push(...(await ours(CALM, answers / 4)).latencies);
      calm.theirs.push(...(await theirs(CALM, answers / 4)).latencies);
      sharing = false;
    }
    const middle = (of: (rate: (typeof rates)[number]) => number): number => median(rates.map(of));
    const p = (share_: number, of: readonly number[]): number => percentile(of, share_);
    return [
      { name: "infer.inference", value: ms, unit: "ms" },
      { name: "infer.bare", value: middle((rate) => rate.theirs), unit: "inferences/s" },
      { name: "infer.receipts", value: middle((rate) => rate.shared), unit: "answers/s" },
      {
        name: "infer.share",
        value: middle((rate) => rate.shared / rate.theirs),
        unit: "of bare onnxruntime",
      },
      { name: "infer.alone", value: middle((rate) => rate.ours), unit: "answers/s" },
      {
        name: "infer.alone.share",
        value: middle((rate) => rate.ours / rate.theirs),
        unit: "of bare onnxruntime",
      },
      { name: "infer.bare.p50", value: p(0.5, calm.theirs), unit: "ms" },
      { name: "infer.receipts.p50", value: p(0.5, calm.ours), unit: "ms" },
      { name: "infer.bare.p99", value: p(0.99, calm.theirs), unit: "ms" },
      { name: "infer.receipts.p99", value: p(0.99, calm.ours), unit: "ms" },
      { name: "infer.added.p99", value: p(0.99, calm.ours) - p(0.99, calm.theirs), unit: "ms" },
    ];
  } finally {
    client.close();
    await server.close();
    await compute.close();
    await store.close();
    await database.destroy();
    rmSync(folder, { recursive: true });
  }
}
