import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { model } from "./screening.ts";
writeFileSync("/tmp/scr-model.onnx", model(60));
const bare = [0, 1].map(() =>
  fork(new URL("./screening.worker.ts", import.meta.url), ["/tmp/scr-model.onnx"], { execArgv: [] }),
);
await Promise.all(bare.map((b) => once(b, "message")));
for (let r = 0; r < 6; r++) {
  const t = performance.now();
  const c = await Promise.all(
    bare.map(async (b) => {
      b.send(1000);
      return (await once(b, "message"))[0];
    }),
  );
  console.log(c, performance.now() - t);
}
for (const b of bare) b.kill();
