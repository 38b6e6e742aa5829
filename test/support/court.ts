/** The referee on a chain process of its own, which takes long computations in less time than one in this process. */
import type { StepProof } from "../../program/src/prove.ts";
import { openRefereeChain } from "../../scripts/refereeChain.ts";

export interface StepCase {
  readonly programRoot: Uint8Array;
  readonly traceRoot: Uint8Array;
  readonly inputsRoot: Uint8Array;
  readonly instruction: number;
  readonly element: number;
  readonly proof: StepProof;
}

export interface Measured {
  readonly wrong: boolean;
  readonly gas: number;
  readonly calldataBytes: number;
}

export interface Court {
  /** Whether the referee finds it wrong. */
  judge(step: StepCase): Promise<boolean>;
  /** The same, and what it takes in a transaction. */
  measure(step: StepCase): Promise<Measured>;
  close(): Promise<void>;
}

/** More than any step may take. */
const GAS = `0x${(16_000_000).toString(16)}`;

export async function openCourt(): Promise<Court> {
  const { connection, referee, close } = await openRefereeChain();
  const { provider } = connection.ethers;
  const to = await referee.getAddress();
  const [sender] = await connection.ethers.getSigners();
  if (sender === undefined) throw new Error("the chain has no account");
  const from = sender.address;
  await provider.send("evm_setAutomine", [false]);

  const encode = ({ programRoot, traceRoot, inputsRoot, instruction, element, proof }: StepCase) => ({
    ...{ from, to, gas: GAS },
    data: referee.interface.encodeFunctionData("judgeStep", [
      ...([programRoot, traceRoot, inputsRoot, instruction, element] as const),
      { ...proof, operands: [...proof.operands] },
    ]),
  });
  const isWrong = async (call: ReturnType<typeof encode>): Promise<boolean> => {
    const answer = (await provider.send("eth_call", [call, "latest"])) as string;
    return referee.interface.decodeFunctionResult("judgeStep", answer)[0] === true;
  };

  return {
    judge: (step) => isWrong(encode(step)),
    async measure(step) {
      const call = encode(step);
      const wrong = await isWrong(call);
      // An estimate is searched for and rounds; a transaction is charged what it takes.
      const sent = (await provider.send("eth_sendTransaction", [call])) as string;
      await provider.send("evm_mine", []);
      const receipt = await provider.getTransactionReceipt(sent);
      if (receipt?.status !== 1) throw new Error(`judging instruction ${step.instruction} failed`);
      return { wrong, gas: Number(receipt.gasUsed), calldataBytes: (call.data.length - 2) / 2 };
    },
    close,
  };
}
