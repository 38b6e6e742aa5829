/** Many calls of a contract in few. */
import type { BytesLike, Interface, Result } from "ethers";

interface Batched {
  readonly interface: Interface;
  readonly batch: (calls: BytesLike[]) => Promise<readonly [success: boolean[], results: string[]]>;
}

export type Call = readonly [name: string, args: readonly unknown[]];

/** What a call returned, or the name and values of the error that it reverted with. */
export interface Outcome {
  readonly error: string | undefined;
  readonly values: Result;
}

/** Larger ones take longer for each. */
const AT_ONCE = 50;

export async function callAll(contract: Batched, calls: readonly Call[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let from = 0; from < calls.length; from += AT_ONCE) {
    const slice = calls.slice(from, from + AT_ONCE);
    const data = slice.map(([name, args]) => contract.interface.encodeFunctionData(name, [...args]));
    const [success, results] = await contract.batch(data);
    slice.forEach(([name], i) => {
      const result = results[i] ?? "0x";
      if (success[i] === true) {
        outcomes.push({ error: undefined, values: contract.interface.decodeFunctionResult(name, result) });
        return;
      }
      const error = contract.interface.parseError(result);
      if (error === null) throw new Error(`${name} reverted with ${result}`);
      outcomes.push({ error: error.name, values: error.args });
    });
  }
  return outcomes;
}
