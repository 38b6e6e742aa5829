import { expect } from "chai";
import { AUDIT_PATH, type ReceiptFile } from "../../../sdk/src/infer/wire.ts";
import type { Place } from "../../../sdk/src/receipts.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { MAX_BLOB_BYTES } from "../../../sdk/src/tensor.ts";
import { soon } from "../../test/until.ts";
import { testLog } from "../../test/world.ts";
import { QUERIES } from "../api/bounded.ts";
import { serveHttp, type HttpServer } from "../http/server.ts";
import type { Handed } from "../roles/handed.ts";
import type { Evidence } from "../state/audits.ts";
import { auditRoutes } from "./auditRoutes.ts";
import { createDigests, digestSigner } from "./digests.ts";

const PLACE: Place = {
  chainId: 31337,
  receipts: `0x${"3".repeat(40)}`,
  deposits: `0x${"4".repeat(40)}`,
};
const SIGNER = digestSigner(`0x${"11".repeat(32)}`);
const HASH: Hex = `0x${"22".repeat(32)}`;
const digests = createDigests(PLACE);
const blob = Buffer.alloc(MAX_BLOB_BYTES, 7).toString("base64");

function fileWith(input: string): ReceiptFile {
  const receipt = {
    ...{ requestHash: HASH, releaseId: HASH, inputsRoot: HASH, outputHash: HASH },
    ...{ operator: SIGNER.address, issuedAt: 1, bondClass: 4 },
  };
  const { chainId, receipts } = PLACE;
  const signature = SIGNER.sign(digests.digestOf("Receipt", receipt));
  return { ...{ version: 1, chainId, receipts, receipt, signature }, input, output: blob };
}

describe("receipts from strangers", () => {
  let server: HttpServer;
  let accepted: Evidence | undefined;
  let busy = Promise.resolve();

  async function hand(body: string): Promise<{ readonly status: number; readonly text: string }> {
    const headers = { "content-type": "application/json" };
    const reply = await fetch(`${server.url}${AUDIT_PATH}`, { method: "POST", headers, body });
    return { status: reply.status, text: await reply.text() };
  }

  before(async () => {
    const auditor = {
      accept: async ({ digest }: Handed, evidence: Evidence) => {
        await busy;
        accepted = evidence;
        return { digest, state: "pending", challenge: "none" } as const;
      },
      standing: () => Promise.resolve(undefined),
      short: () => undefined,
      duties: () => [],
    };
    const uploads = { all: 200, client: { connections: 200, concurrent: 200, perSecond: 1000 } };
    server = await serveHttp({
      ...{ host: "127.0.0.1", port: 0, log: testLog, health: () => ({ ready: true }) },
      routes: [auditRoutes({ auditor, place: PLACE, digests })],
      limits: { client: uploads.client, uploads },
    });
  });
  after(() => server.close());

  it("are taken with the largest input and output there are, however they are printed", async () => {
    for (const space of [undefined, 2]) {
      accepted = undefined;
      const { status, text } = await hand(JSON.stringify(fileWith(blob), undefined, space));
      expect(status, text).to.equal(202);
      expect(accepted).to.deep.equal({
        input: new Uint8Array(MAX_BLOB_BYTES).fill(7),
        output: new Uint8Array(MAX_BLOB_BYTES).fill(7),
      });
    }
  });

  it("are not read if they are longer", async () => {
    expect((await hand(JSON.stringify(fileWith(`${blob}${blob}`)))).status).to.equal(413);
  });

  it("are not parsed if they say more than a receipt does", async () => {
    const more = { ...fileWith(""), more: Array.from({ length: 30_000 }, () => []) };
    const { status, text } = await hand(JSON.stringify(more));
    expect(status).to.equal(400);
    expect(text).to.include("it says too much");
    for (const [body, why] of [
      ["{", "not JSON"],
      ["[]", "expected object"],
    ] as const) {
      const refused = await hand(body);
      expect(refused.status).to.equal(400);
      expect(refused.text).to.include(why);
    }
  });

  it("are turned away while too many wait", async () => {
    let end = (): void => undefined;
    busy = new Promise((resolve) => (end = resolve));
    const body = JSON.stringify(fileWith(""));
    const taken = QUERIES.atOnce + QUERIES.waiting;
    const statuses: number[] = [];
    const handed = Array.from({ length: taken + 20 }, async () => statuses.push((await hand(body)).status));
    await soon(() => statuses.length === 20);
    expect(new Set(statuses.splice(0))).to.deep.equal(new Set([503]));
    end();
    await Promise.all(handed);
    expect(new Set(statuses)).to.deep.equal(new Set([202]));
  });
});
