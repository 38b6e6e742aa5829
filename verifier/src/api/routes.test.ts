import { expect } from "chai";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import type { Hex } from "../../../sdk/src/structs.ts";
import { soon } from "../../test/until.ts";
import { testLog } from "../../test/world.ts";
import { serveHttp, type HttpServer } from "../http/server.ts";
import type { Position } from "../state/logs.ts";
import { QUERIES } from "./bounded.ts";
import { apiRoutes } from "./routes.ts";

const ADDRESS: Hex = `0x${"11".repeat(20)}`;
const deployment: Deployment = {
  chainId: 31337,
  block: 0,
  addresses: {
    registry: ADDRESS,
    directory: ADDRESS,
    vault: ADDRESS,
    market: ADDRESS,
    game: ADDRESS,
    referee: ADDRESS,
    receipts: ADDRESS,
    receiptsVault: ADDRESS,
    receiptsGame: ADDRESS,
    deposits: ADDRESS,
  },
};
const nothing = (): Promise<never> => Promise.reject(new Error("not asked for"));
/** Requests that run and wait, and all that are sent. */
const TAKEN = QUERIES.atOnce + QUERIES.waiting;
const MANY = TAKEN + 20;

describe("the node's data for pages", () => {
  let server: HttpServer;
  /** Queries that have not ended, and the most there were at once. */
  let [open, most] = [0, 0];
  let answering = Promise.resolve();

  async function position(): Promise<Position> {
    most = Math.max(most, ++open);
    await answering;
    open--;
    return { number: 1, hash: `0x${"22".repeat(32)}`, epoch: 0 };
  }

  before(async () => {
    const routes = apiRoutes({
      ...{ deployment, account: ADDRESS, roles: ["verifier"], finality: 64 },
      logs: { position, page: () => Promise.resolve([]) },
      reads: { call: nothing, transaction: nothing, authority: nothing, head: () => undefined },
      releases: { ready: () => undefined, failure: () => undefined },
      known: () => [],
      head: () => undefined,
      selfCheckOf: () => undefined,
      outline: nothing,
    });
    const client = { connections: MANY, concurrent: MANY, perSecond: MANY };
    server = await serveHttp({
      ...{ host: "127.0.0.1", port: 0, log: testLog, health: () => ({ ready: true }), routes: [routes] },
      limits: { concurrent: MANY, client },
    });
  });
  after(() => server.close());

  for (const path of ["/api/status", "/api/logs/none/0/0/-1"])
    it(`asks the database little at once, and turns away who is too many (${path})`, async () => {
      most = 0;
      let answer = (): void => undefined;
      answering = new Promise((resolve) => (answer = resolve));
      const replies: Response[] = [];
      const asked = Array.from({ length: MANY }, async () =>
        replies.push(await fetch(`${server.url}${path}`)),
      );
      await soon(() => replies.length === MANY - TAKEN);
      for (const { status, headers } of replies.splice(0))
        expect([status, headers.get("retry-after")]).to.deep.equal([503, "1"]);
      answer();
      await Promise.all(asked);
      for (const { status } of replies) expect(status).to.equal(200);
      expect(most).to.equal(QUERIES.atOnce);
    });
});
