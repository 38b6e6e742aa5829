import { fork } from "node:child_process";
import { once } from "node:events";
const kids = [0, 1].map(() =>
  fork(new URL("./_ipcw.ts", import.meta.url), [], { execArgv: [], serialization: "advanced", env: {} }),
);
await Promise.all(kids.map((k) => once(k, "message")));
const data = [new Uint8Array(Float32Array.from({ length: 1024 }, (_, i) => Math.sin(i)).buffer)];
for (let r = 0; r < 4; r++) {
  const c0 = process.cpuUsage();
  let n = 0;
  const end = performance.now() + 3000;
  await Promise.all(
    kids.map(
      (k) =>
        new Promise<void>((res) => {
          let fly = 0;
          const send = () => {
            if (performance.now() < end) {
              fly++;
              k.send({ id: n, data });
            } else if (fly === 0) {
              k.removeAllListeners("message");
              res();
            }
          };
          k.on("message", () => {
            n++;
            fly--;
            send();
          });
          send();
          send();
        }),
    ),
  );
  const c1 = process.cpuUsage(c0);
  console.log(n, (c1.user + c1.system) / 1000 / n, "ms main per job");
}
for (const k of kids) k.kill();
