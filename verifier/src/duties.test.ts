import { expect } from "chai";
import { AssayError } from "../../sdk/src/error.ts";
import { testLog } from "../test/world.ts";
import { createExecutor, type Duty } from "./duties.ts";

describe("duties", () => {
  /** Offers the same duties whenever something changes, until `done`. */
  async function offerUntil(duties: () => Duty[], done: () => boolean, restMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const onChange = (): void => (done() ? resolve() : executor.offer(duties()));
      const executor = createExecutor({ log: testLog, restMs, onChange });
      executor.offer(duties());
    });
  }

  it("runs a duty once at a time, and again while it is still due", async () => {
    let [running, most, runs] = [0, 0, 0];
    const run = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      runs++;
    };
    await offerUntil(
      () => [
        { key: "a", run },
        { key: "a", run },
      ],
      () => runs === 3,
      1,
    );
    expect(most).to.equal(1);
  });

  it("rests after a success, so that the effect can be seen first", async () => {
    const starts: number[] = [];
    const run = async (): Promise<void> => {
      starts.push(Date.now());
      return Promise.resolve();
    };
    await offerUntil(
      () => [{ key: "a", run }],
      () => starts.length === 2,
      100,
    );
    expect((starts[1] ?? 0) - (starts[0] ?? 0)).to.be.at.least(100);
  });

  it("tries again after a failure, and lets others go on", async () => {
    let [failures, others] = [0, 0];
    const run = (): Promise<void> => {
      failures++;
      return Promise.reject(new AssayError("RPC_FAILED", "no answer", { retryable: true }));
    };
    const other = async (): Promise<void> => {
      others++;
      return Promise.resolve();
    };
    const duties = (): Duty[] => [
      { key: "fails", deadline: 1, run },
      { key: "works", run: other },
    ];
    await offerUntil(duties, () => failures === 2, 10);
    expect(others).to.be.greaterThan(5);
  });

  it("forgets a duty that is no longer due", async () => {
    let runs = 0;
    const run = async (): Promise<void> => {
      runs++;
      return Promise.resolve();
    };
    const executor = createExecutor({ log: testLog, restMs: 60_000, onChange: () => undefined });
    executor.offer([{ key: "a", run }]);
    await executor.idle();
    executor.offer([{ key: "a", run }]);
    expect(runs).to.equal(1);
    executor.offer([]);
    executor.offer([{ key: "a", run }]);
    expect(runs).to.equal(2);
  });
});
