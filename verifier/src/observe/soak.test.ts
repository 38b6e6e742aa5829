import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "chai";
import { fastify } from "fastify";
import { metricsRoute } from "./http.ts";
import { createMetrics } from "./metrics.ts";
import { createSoak, valuesOf } from "./soak.ts";

describe("soak", () => {
  it("adds up a metric's series", () => {
    const text = '# HELP a b\n# TYPE a gauge\na{x="1"} 2\na{x="}"} 3e6\nab 7\nb NaN\n';
    expect([...valuesOf(text, ["a", "b"])]).to.deep.equal([
      ["a", 3_000_002],
      ["b", Number.NaN],
    ]);
  });

  it("samples a real process and a real node's metrics, and bears what is gone", async () => {
    const server = fastify();
    metricsRoute(createMetrics())(server);
    const url = `${await server.listen({ host: "127.0.0.1", port: 0 })}/metrics`;
    const child = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)"]);
    await once(child, "spawn");
    const { pid = 0 } = child;
    let seconds = 0;
    const soak = createSoak(
      { pids: [pid, 2 ** 30], urls: [url, "http://127.0.0.1:9/metrics"] },
      () => seconds,
    );
    for (; seconds < 50; seconds += 10) await soak.sample();
    child.kill("SIGKILL");
    await once(child, "close");
    await server.close();
    await soak.sample();
    const growth = soak.growth();
    expect(
      [...growth.keys()].filter((name) => name.includes(":9/") || name.startsWith(`${2 ** 30}`)),
    ).to.deep.equal([]);
    for (const name of [`${pid} resident memory`, `${url} process_resident_memory_bytes`]) {
      // A quarter of the five samples is warm-up.
      expect(growth.get(name)?.samples, name).to.equal(4);
      expect(growth.get(name)?.median, name).to.be.above(1e6);
    }
    expect([...growth.keys()]).to.include(`${url} nodejs_active_resources_total`);
  });
});
