import { expect } from "chai";
import { AssayError } from "../../sdk/src/error.ts";
import type { Hex } from "../../sdk/src/structs.ts";
import { testLog } from "../test/world.ts";
import { createExecutor, type Duty } from "./duties.ts";

describe("duties", () => {
  const subject: Hex = `0x${"11".repeat(32)}`;
  const alone = {
    take: (subjects: readonly string[]) => Promise.resolve(new Set(subjects)),
    give: () => Promise.resolve(),
  };
  const options = {
    ...{ log: testLog, claims: alone, places: 5, patientPlaces: 2, restMs: 60_000 },
    onChange: () => undefined,
  };

  /** Offers the same duties whenever something changes, until `done`. */
  async function offerUntil(duties: () => Duty[], done: () => boolean, restMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const onChange = (): void => (done() ? resolve() : executor.offer(duties()));
      const executor = createExecutor({ ...options, restMs, onChange });
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
        { key: "a", subject, run },
        { key: "a", subject, run },
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
      () => [{ key: "a", subject, run }],
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
      { key: "fails", subject, deadline: 1, run },
      { key: "works", subject, run: other },
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
    const executor = createExecutor(options);
    executor.offer([{ key: "a", subject, run }]);
    await executor.idle();
    executor.offer([{ key: "a", subject, run }]);
    expect(runs).to.equal(1);
    executor.offer([]);
    executor.offer([{ key: "a", subject, run }]);
    await executor.idle();
    expect(runs).to.equal(2);
  });

  it("leaves what another process holds to it, and takes over when that gives it up", async () => {
    let [free, runs] = [false, 0];
    const run = async (): Promise<void> => {
      runs++;
      return Promise.resolve();
    };
    const claims = {
      ...alone,
      take: (wanted: readonly string[]) => Promise.resolve(new Set(free ? wanted : [])),
    };
    const first = createExecutor({ ...options, claims });
    first.offer([{ key: "a", subject, run }]);
    await first.idle();
    expect(runs).to.equal(0);
    free = true;
    const second = createExecutor({ ...options, claims });
    second.offer([{ key: "a", subject, run }]);
    await second.idle();
    expect(runs).to.equal(1);
  });

  it("starts no more heavy duties than there are places, the most urgent first", async () => {
    const started: string[] = [];
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const heavy = (key: string, deadline: number): Duty => ({
      key,
      subject,
      places: 2,
      deadline,
      run: async () => {
        started.push(key);
        await gate;
      },
    });
    const executor = createExecutor(options);
    executor.offer([heavy("late", 30), heavy("soon", 10), heavy("next", 20)]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(started).to.deep.equal(["soon", "next"]);
    release();
    await executor.idle();
  });

  describe("that take long", () => {
    const tooLong = new AssayError("INFERENCE_TIMED_OUT", "no output in time");

    /** Offers the duties until nothing more starts. @returns what was started, in order; patient ones with a "!". */
    async function started(duties: (gate: Promise<void>) => Duty[]): Promise<string[]> {
      const names: string[] = [];
      let release: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      const offered = duties(gate).map(({ run, ...duty }): Duty => ({
        ...duty,
        async run(patient) {
          names.push(duty.key + (patient ? "!" : ""));
          return run(patient);
        },
      }));
      const executor = createExecutor({ ...options, onChange: () => executor.offer(offered) });
      executor.offer(offered);
      await new Promise((resolve) => setTimeout(resolve, 50));
      const found = [...names];
      release();
      await executor.idle();
      return found;
    }

    function slow(key: string, gate: Promise<void>, more: Partial<Duty> = {}): Duty {
      const run = (patient: boolean): Promise<void> => (patient ? gate : Promise.reject(tooLong));
      return { key, subject, places: 1, run, ...more };
    }

    it("leave the places of the others at once, and are as many as there are places for them", async () => {
      const names = await started((gate) => [
        ...["a", "b", "c", "d"].map((key, i) => slow(key, gate, { deadline: i })),
        { key: "quick", subject, places: 5, deadline: 9, run: () => Promise.resolve() },
      ]);
      expect(names.slice(0, 4)).to.deep.equal(["a", "b", "c", "d"]);
      expect(names.slice(4).sort()).to.deep.equal(["a!", "b!", "quick"]);
    });

    it("leave one of their places to what has a deadline", async () => {
      const names = await started((gate) => [slow("a", gate), slow("b", gate)]);
      expect(names).to.deep.equal(["a", "b", "a!"]);
      const urgent = await started((gate) => [slow("a", gate), slow("b", gate, { deadline: 1 })]);
      expect(urgent).to.deep.equal(["b", "a", "b!"]);
    });

    it("are given up when that was not enough, but not if they take no places", async () => {
      const fails = (): Promise<void> => Promise.reject(tooLong);
      const names = await started(() => [
        { key: "hopeless", subject, places: 1, deadline: 1, run: fails },
        { key: "move", subject, deadline: 1, run: fails },
      ]);
      expect(names).to.deep.equal(["hopeless", "move", "hopeless!"]);
    });
  });
});
