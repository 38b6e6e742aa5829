import { expect } from "chai";
import { matrixProduct, productOf } from "../testing/product.ts";
import { planInstruction } from "./compute.ts";
import { splitInstruction } from "./parts.ts";
import { runProgram } from "./run.ts";
import { Claims, Threads } from "./threads.ts";

describe("threads of the fast interpreter", () => {
  it("split what is large, the larger matrix of a product, and nothing else", () => {
    const split = (rows: number, depth: number, columns: number, count = 2): unknown => {
      const instruction = matrixProduct(rows, depth, columns);
      return splitInstruction(instruction, planInstruction(instruction), count);
    };
    expect(split(8, 16, 8)).to.deep.equal([]);
    expect(split(64, 256, 301)).to.deep.equal(
      [0, 50, 100, 150, 200, 250].map((from, p) => ({ dim: 1, from, to: p === 5 ? 301 : from + 50 })),
    );
    expect(split(320, 256, 64, 2)).to.have.length(6);
    expect(split(4000, 256, 64, 64)).to.have.length(64);
    expect(split(64, 48, 301)).to.deep.equal([
      { dim: 1, from: 0, to: 150 },
      { dim: 1, from: 150, to: 301 },
    ]);
    expect(split(400, 256, 64, 1)).to.deep.equal([]);
  });

  it("give what one thread gives, for one program after the other", async () => {
    const threads = new Threads(3);
    try {
      for (const [rows, depth, columns] of [
        [64, 256, 301],
        [301, 128, 64],
      ] as const) {
        const { program, input } = productOf(rows, depth, columns);
        const [alone] = runProgram(program, [input]).outputs;
        const before = threads.helped;
        // A thread that is still starting, or that waits for a processor, helps later.
        for (let run = 0; run < 20 || threads.helped === before; run++) {
          const { outputs, ways } = runProgram(program, [input], { threads });
          expect(outputs[0]).to.deep.equal(alone);
          expect(outputs[0]?.buffer).to.be.instanceOf(ArrayBuffer);
          expect(ways).to.deep.equal(["matrix"]);
          // What a run by this thread alone leaves behind is taken up by the next.
          if (run % 5 === 0) expect(runProgram(program, [input]).outputs[0]).to.deep.equal(alone);
          // Lets the threads start meanwhile.
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        expect(alone?.length).to.equal(rows * columns * 4);
      }
    } finally {
      await threads.close();
    }
  });

  it("claim each part once, and none of an order that is over", () => {
    const claims = new Claims();
    claims.open(1, 2);
    expect([claims.take(1, 0), claims.take(1, 0), claims.take(1, 1)]).to.deep.equal([true, false, true]);
    claims.finish(1, 0, "matrix");
    claims.finish(1, 1, undefined);
    expect([claims.wait(1, 0), claims.wait(1, 1)]).to.deep.equal(["matrix", undefined]);
    claims.open(2, 2);
    expect([claims.take(1, 0), claims.take(2, 0)]).to.deep.equal([false, true]);
  });
});
