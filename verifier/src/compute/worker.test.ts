import { fork } from "node:child_process";
import { on, once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { tinyModel } from "../../test/models.ts";
import { childReply, NODE_SETTINGS, type WireJob } from "./protocol.ts";

describe("the process that runs onnxruntime", function () {
  this.timeout(60_000);

  it("sends no telemetry: none is kept for sending", async () => {
    const home = mkdtempSync(join(tmpdir(), "assay-worker-"));
    const model = join(home, "model.onnx");
    const input = { name: "a", dtype: "f32", shape: [1] } as const;
    writeFileSync(
      model,
      tinyModel([{ op: "Neg", inputs: ["a"], output: "b" }], [input], [{ ...input, name: "b" }]),
    );
    const tensor = (name: string) => ({ name, type: "float32", dims: [1] }) as const;
    const job: WireJob = {
      key: "model",
      model: {
        ...{ path: model, sha256: undefined, settings: NODE_SETTINGS },
        ...{ inputs: [tensor("a")], outputs: [tensor("b")] },
      },
      rows: 1,
      data: [new Uint8Array(4)],
    };
    // Where there is a home, onnxruntime keeps what it has not sent yet in there.
    const child = fork(new URL("./worker.ts", import.meta.url), {
      ...{ serialization: "advanced", execArgv: [], env: { HOME: home } },
    });
    child.send({ kind: "jobs", id: 0, jobs: [job] });
    for await (const [message] of on(child, "message")) {
      const reply = childReply.parse(message);
      if (reply.kind !== "results") continue;
      expect(reply.results[0]).to.have.property("value");
      break;
    }
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    expect(readdirSync(home)).to.deep.equal(["model.onnx"]);
    rmSync(home, { recursive: true });
  });
});
