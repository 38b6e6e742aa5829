import { expect } from "chai";
import { fastify, type FastifyInstance } from "fastify";
import { measureHttp, metricsRoute } from "./http.ts";
import { createMetrics } from "./metrics.ts";

describe("what a node shows over HTTP", () => {
  const metrics = createMetrics({ process: false });
  let server: FastifyInstance;
  let url: string;

  before(async () => {
    server = fastify();
    metricsRoute(metrics)(server);
    measureHttp(metrics)(server);
    url = await server.listen({ host: "127.0.0.1", port: 0 });
  });
  after(() => server.close());

  it("metrics, to its own machine", async () => {
    metrics.chain.head.set(5);
    const response = await fetch(`${url}/metrics`);
    expect(response.status).to.equal(200);
    expect(response.headers.get("content-type")).to.include("text/plain; version=0.0.4");
    expect((await response.text()).split("\n")).to.include("assay_chain_head_block 5");
  });

  it("no metrics to strangers, nor to whom a proxy speaks for", async () => {
    const forwarded = await fetch(`${url}/metrics`, { headers: { "x-forwarded-for": "127.0.0.1" } });
    expect(forwarded.status).to.equal(404);
    const from = async (remoteAddress: string): Promise<number> =>
      (await server.inject({ url: "/metrics", remoteAddress })).statusCode;
    expect(await from("8.8.8.8")).to.equal(404);
    expect(await from("2606:4700::1")).to.equal(404);
    expect(await from("::ffff:8.8.8.8")).to.equal(404);
    expect(await from("::ffff:10.1.2.3")).to.equal(200);
    expect(await from("fd00::1")).to.equal(200);
    expect(await from("::1")).to.equal(200);
  });

  it("metrics to everyone if the owner wants it", async () => {
    const open = fastify();
    metricsRoute(metrics, { everywhere: true })(open);
    expect((await open.inject({ url: "/metrics", remoteAddress: "8.8.8.8" })).statusCode).to.equal(200);
    await open.close();
  });

  it("counts the bytes of connections that have ended", async () => {
    const [own, app] = [createMetrics({ process: false }), fastify()];
    measureHttp(own)(app);
    app.get("/x", () => "x".repeat(100_000));
    const address = await app.listen({ host: "127.0.0.1", port: 0 });
    await (await fetch(`${address}/x`, { headers: { connection: "close" } })).text();
    await app.close();
    const sent = Number(/^assay_http_sent_bytes_total (\d+)/m.exec((await own.text()).body)?.[1]);
    expect(sent).to.be.within(100_000, 101_000);
  });

  it("measures by routes, not by paths", async () => {
    for (let i = 0; i < 50; i++) await fetch(`${url}/${i}/x`);
    const { body } = await metrics.text();
    expect(body).to.include('assay_http_request_seconds_count{route="none",status="4xx"} 50');
    expect(body).to.match(/assay_http_request_seconds_count\{route="\/metrics",status="2xx"\} [1-9]/);
    expect(body).to.match(/\nassay_http_connections [1-9]/);
  });
});
