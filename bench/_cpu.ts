import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createCompute } from "../verifier/src/compute/compute.ts";
import { fastOutput } from "../verifier/src/compute/screen.ts";
import { firstWrongOutput } from "../verifier/src/judge/judge.ts";
import { model } from "./screening.ts";
const path = "/tmp/scr-model.onnx";
writeFileSync(path, model(Number(process.argv[2] ?? 50)));
const ticks = (pid: number) => {
  const f = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(f[11]) + Number(f[12])) * 10;
};
const kids = () =>
  execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="])
    .toString()
    .split("\n")
    .map((l) => l.trim().split(/\s+/))
    .filter((f) => Number(f[1]) === process.pid && /orker/.test(f.join(" ")))
    .map((f) => Number(f[0]));
const compute = createCompute({ workers: 2 });
const blob = new Uint8Array(Float32Array.from({ length: 1024 }, (_, i) => Math.sin(i)).buffer);
const release = { model: await compute.exact.describe(path, {}), path };
const published = await fastOutput(compute.pool, release, blob);
const N = Number(process.argv[3] ?? 400);
const go = async () => {
  let left = N;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (left-- > 0) {
        const f = await fastOutput(compute.pool, release, blob);
        if (firstWrongOutput(release.model, f, published, { atol: 0, rtol: 0 })) throw 1;
      }
    }),
  );
};
await go();
const workers = kids();
const bare = [0, 1].map(() =>
  fork(new URL("./screening.worker.ts", import.meta.url), [path], { execArgv: [] }),
);
await Promise.all(bare.map((b) => once(b, "message")));
const results = [];
for (let r = 0; r < 4; r++) {
  const c0 = process.cpuUsage();
  const w0 = workers.map(ticks);
  await go();
  const c1 = process.cpuUsage(c0);
  const w1 = workers.map(ticks);
  const main = (c1.user + c1.system) / 1000 / N,
    work = w1.reduce((s, x, i) => s + x - w0[i]!, 0) / N;
  const b0 = bare.map((b) => ticks(b.pid!));
  const counts = await Promise.all(
    bare.map(async (b) => {
      b.send(3000);
      return (await once(b, "message"))[0] as number;
    }),
  );
  const b1 = bare.map((b) => ticks(b.pid!));
  const bareMs = b1.reduce((s, x, i) => s + x - b0[i]!, 0) / counts.reduce((a, b) => a + b);
  results.push({ main, work, bareMs, share: bareMs / (main + work) });
}
console.table(results);
for (const b of bare) b.kill();
await compute.close();
