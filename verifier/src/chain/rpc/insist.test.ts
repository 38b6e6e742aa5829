import { expect } from "chai";
import { insist } from "./insist.ts";
import { EndpointError } from "./transport.ts";

const lost = (): Promise<never> => Promise.reject(new EndpointError("unreachable", "connection lost"));
const silence = (): Promise<never> => new Promise(() => undefined);

describe("insist", () => {
  let tries: number;
  let troubles: number;
  beforeEach(() => (tries = troubles = 0));

  function ask(...answers: readonly (() => Promise<string>)[]): Promise<string> {
    return insist(
      () => (answers[tries++] ?? silence)(),
      () => false,
      () => troubles++,
    );
  }

  it("asks once where the answer comes", async () => {
    expect(await ask(() => Promise.resolve("first"))).to.equal("first");
    expect([tries, troubles]).to.deep.equal([1, 0]);
  });

  it("asks again after failures that may pass", async () => {
    expect(await ask(lost, lost, () => Promise.resolve("third"))).to.equal("third");
    expect([tries, troubles]).to.deep.equal([3, 1]);
  });

  it("gives up after three", async () => {
    const error = await ask(lost, lost, lost).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(EndpointError);
    expect([tries, troubles]).to.deep.equal([3, 1]);
  });

  it("takes the chain's own word at once", async () => {
    const reverted = new EndpointError("answer", "execution reverted");
    expect(await ask(() => Promise.reject(reverted)).catch((reason: unknown) => reason)).to.equal(reverted);
    expect([tries, troubles]).to.deep.equal([1, 0]);
  });

  it("asks beside a question that nobody answers", async () => {
    expect(await ask(silence, () => Promise.resolve("second"))).to.equal("second");
    expect([tries, troubles]).to.deep.equal([2, 1]);
  }).timeout(10_000);

  it("takes a late answer too", async () => {
    let late: (answer: string) => void = () => undefined;
    const first = new Promise<string>((resolve) => (late = resolve));
    const answer = ask(
      () => first,
      () => {
        late("late");
        return lost();
      },
    );
    expect(await answer).to.equal("late");
  }).timeout(10_000);
});
