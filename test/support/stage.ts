/** A consumer on the real market with a real model, where an answer is given, overturned or made final at the test's word. */
import { expect } from "chai";
import type {
  BytesLike,
  ContractTransactionReceipt,
  ContractTransactionResponse,
  TransactionReceipt,
} from "ethers";
import { REQUEST_STATES } from "../../sdk/src/states.ts";
import { keccak, releaseIdOf, resultIdOf } from "../../sdk/src/ids.ts";
import { fromHex, type Hex, type Request } from "../../sdk/src/structs.ts";
import { handleOf } from "../../verifier/src/play/trace.ts";
import { openArena, outputOf, WINDOW_SECONDS, type ArenaModel, type Player } from "./arena.ts";
import { requestedIn } from "./requested.ts";

export const FEE = 10n ** 15n;
export const BOND = 10n ** 18n;
const BPS = 10_000n;

/** A request as the chain has it. */
export interface Asked {
  readonly request: Request;
  readonly requestId: Hex;
  readonly input: Uint8Array;
}

export async function openStage(source: ArenaModel) {
  const arena = await openArena(source);
  const { deployed, operator, networkHelpers } = arena;
  const market = await deployed.market.getAddress();
  const releaseId = releaseIdOf(arena.release);
  const policy = {
    releaseId,
    bond: BOND,
    answerSeconds: 600n,
    windowSeconds: BigInt(WINDOW_SECONDS),
    operator: operator.address,
    callbackGas: 150_000n,
  };
  const players: Player[] = [arena.publisher, operator];

  async function player() {
    const made = await arena.player(1n);
    players.push(made);
    return made;
  }

  const verifierMade = await arena.player();
  players.push(verifierMade);

  function asked(receipt: TransactionReceipt | ContractTransactionReceipt | null): Asked {
    const { request, requestId, input } = requestedIn(receipt);
    return { request, requestId, input: fromHex(input) };
  }

  /** What the model says. */
  function right({ input }: Asked): Uint8Array {
    return outputOf(arena.runOf(input));
  }

  async function answer({ request }: Asked, output: BytesLike): Promise<void> {
    await (await deployed.market.connect(operator.signer).fulfill(request, output)).wait();
  }

  /** After the window. @returns the receipt, with the callback's events. */
  async function finalize({ request }: Asked, output: BytesLike): Promise<ContractTransactionReceipt | null> {
    const [, endsAt] = await deployed.market.statusOf(await deployed.market.requestIdOf(request));
    if (BigInt(await networkHelpers.time.latest()) < endsAt) await networkHelpers.time.increaseTo(endsAt);
    return await (await deployed.market.finalize(request, operator.address, output)).wait();
  }

  async function stateOf({ requestId }: Asked): Promise<string> {
    const [state] = await deployed.market.statusOf(requestId);
    return REQUEST_STATES[Number(state)] ?? "unknown";
  }

  /** Both sides play a wrong answer out, with the product's own planners; then everybody is paid. */
  async function overturn({ requestId, input }: Asked, output: Uint8Array): Promise<void> {
    const run = arena.runOf(input);
    const resultId = resultIdOf(requestId, operator.address, keccak(output));
    await arena.play(resultId, verifierMade, run, handleOf(run));
    expect((await arena.trialOf(resultId)).result.verdict).to.equal("output");
    await arena.settle(resultId, [verifierMade, operator]);
  }

  const freeOf = async (who: Player): Promise<bigint> => (await arena.accountOf(who)).free;

  /** INVARIANT I-3, I-11: every wei that the vault holds is somebody's, and the market holds the fees of open requests. */
  async function expectSolvent(openFees: bigint): Promise<void> {
    const { vault } = deployed;
    let owed = (await vault.burnedWei()) + (await vault.royaltyOf(1n)) + (await vault.protocolFeeOf(1n));
    for (const one of players) {
      const { free, locked } = await arena.accountOf(one);
      owed += free + locked;
    }
    expect(await arena.ethers.provider.getBalance(await vault.getAddress())).to.equal(owed);
    expect(await arena.ethers.provider.getBalance(market)).to.equal(openFees);
  }

  /** What an operator gets of a fee: royalty and protocol are rounded down. */
  async function earned(feeWei: bigint): Promise<bigint> {
    const { protocolFeeBps } = await deployed.market.parameters();
    return feeWei - (feeWei * BigInt(arena.release.royaltyBps)) / BPS - (feeWei * protocolFeeBps) / BPS;
  }

  const mined = async (
    sent: Promise<ContractTransactionResponse>,
  ): Promise<ContractTransactionReceipt | null> => await (await sent).wait();

  return {
    ...{ answer, arena, asked, earned, expectSolvent, finalize, freeOf, market, mined, operator, overturn },
    ...{ player, policy, releaseId, right, stateOf, verifier: verifierMade },
  };
}

export function float32At(bytes: Uint8Array, index = 0): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat32(4 * index, true);
}

export function float32Bytes(value: number): Uint8Array {
  return new Uint8Array(new Float32Array([value]).buffer);
}
