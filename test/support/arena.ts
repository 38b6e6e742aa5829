/**
 * A deployment on an in-process chain, with one real model, where tests play disputes with the product's own planners. Time is
 * the test's: nothing waits.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { network } from "hardhat";
import type { BaseWallet, Log, TransactionReceipt, TransactionRequest, TransactionResponse } from "ethers";
import { splitBlob } from "../../program/src/claim.ts";
import { seededRng } from "../../program/src/testing/rng.ts";
import { computeTrace, type Trace } from "../../program/src/trace.ts";
import { deployAssay, describeDeployment } from "../../scripts/deployment.ts";
import { connect } from "../../sdk/src/contracts.ts";
import { releaseIdOf } from "../../sdk/src/ids.ts";
import { request, type RequestHandle } from "../../sdk/src/request.ts";
import { fromHex, toHex, type Hex, type Release } from "../../sdk/src/structs.ts";
import { bindingsHash, signatureHash } from "../../sdk/src/tensor.ts";
import { eventOf, followedAddresses } from "../../verifier/src/chain/state.ts";
import { createView } from "../../verifier/test/view.ts";
import { encodeMove } from "../../verifier/src/play/calls.ts";
import { findEvidence, type HonestRun } from "../../verifier/src/play/evidence.ts";
import { factsOf } from "../../verifier/src/play/facts.ts";
import { planChallenger, planOperator, planSettlement } from "../../verifier/src/play/planner.ts";
import { answerWith, type DefendedTrace } from "../../verifier/src/play/trace.ts";
import { trialOf as trialOfResult, type Move, type Trial } from "../../verifier/src/play/trial.ts";
import { describeModel } from "../../verifier/src/releases/describe.ts";

export type ModelName = "digits" | "breast-cancer";

export const MODELS: readonly ModelName[] = ["digits", "breast-cancer"];
/** Relative tolerance of the float model's release: binary32 bits of 2^-20 for both. */
const TOLERANCE: Readonly<Record<ModelName, number>> = { digits: 0, "breast-cancer": 0x35800000 };
const FEE = 10n ** 15n;
export const WINDOW_SECONDS = 300;

function modelPath(name: ModelName, file: string): string {
  return join(import.meta.dirname, "../../examples/models", name, file);
}

/** The held-out test set of a model, as input blobs. */
export function testInputs(name: ModelName): Uint8Array[] {
  const { inputs } = JSON.parse(readFileSync(modelPath(name, "test.json"), "utf8")) as { inputs: string[] };
  return inputs.map((input) => new Uint8Array(Buffer.from(input, "base64")));
}

export interface Player {
  readonly signer: { sendTransaction(request: TransactionRequest): Promise<TransactionResponse> };
  readonly address: Hex;
}

export interface MadeMove {
  readonly kind: Move["kind"];
  readonly gas: number;
  readonly calldataBytes: number;
}

/** A model of the examples, or any file, whose answers must then be exact. */
export type ArenaModel = ModelName | { readonly file: Uint8Array };

export type Arena = Awaited<ReturnType<typeof openArena>>;

export async function openArena(source: ArenaModel) {
  const connection = await network.create();
  const { ethers, networkHelpers } = connection;
  const deployed = await deployAssay(connection);

  // The same accounts in every run, since the bytes of an address are calldata.
  const keys = seededRng(1);
  /** A new account with stake. */
  async function player(stakeWei = 50n * 10n ** 18n): Promise<Player & { readonly signer: BaseWallet }> {
    const signer = new ethers.Wallet(`0x${keys.bits(256).toString(16).padStart(64, "0")}`, ethers.provider);
    await networkHelpers.setBalance(signer.address, 100n * 10n ** 18n);
    await deployed.vault.connect(signer).deposit({ value: stakeWei });
    return { signer, address: toHex(fromHex(`0x${signer.address.slice(2)}`)) };
  }

  const publisher = await player(1n);
  const operator = await player();
  const tolerance = typeof source === "string" ? TOLERANCE[source] : 0;
  const file =
    typeof source === "string"
      ? new Uint8Array(readFileSync(modelPath(source, `${source}.onnx`)))
      : source.file;
  const model = describeModel(file, {});
  const deployment = await describeDeployment(deployed);
  await deployed.registry.connect(publisher.signer).createModel("test");
  const release: Release = {
    modelId: 1n,
    programRoot: model.programRoot,
    fileSha256: model.fileSha256,
    loweringVersion: model.program.loweringVersion,
    bindingsHash: bindingsHash({}),
    signatureHash: signatureHash(model.signature),
    inputBytes: model.inputBytes,
    outputBytes: model.outputBytes,
    atol: tolerance,
    rtol: tolerance,
    stepGas: model.worst.gas,
    disputeGas: model.disputeGas,
    royaltyBps: 500,
  };
  await deployed.registry.connect(publisher.signer).publish(release, model.commitment.header, "test");
  const releaseId = releaseIdOf(release);
  const contracts = connect(deployment, ethers.provider);

  const view = createView();
  let read = deployment.block - 1;
  /** Brings the view up to the chain's head. @returns the head's time, unix seconds. */
  async function sync(): Promise<number> {
    const head = await ethers.provider.getBlock("latest");
    if (head === null) throw new Error("no head");
    const logs: Log[] = await ethers.provider.getLogs({
      address: followedAddresses(deployment),
      fromBlock: read + 1,
      toBlock: head.number,
    });
    for (const log of logs) {
      const { address, topics, data, blockNumber } = log;
      const timestamp = (await ethers.provider.getBlock(blockNumber))?.timestamp ?? 0;
      const event = eventOf(deployment, { address, topics, data, blockNumber, timestamp });
      if (event !== undefined) view.apply(event);
    }
    read = head.number;
    return head.timestamp;
  }

  /** After the chain was set back to a snapshot: forgets what came after it. */
  async function rewind(): Promise<void> {
    read = await ethers.provider.getBlockNumber();
    view.rollBack(read);
  }

  async function ask(input: Uint8Array): Promise<RequestHandle> {
    const asking = connect(deployment, publisher.signer);
    return request(asking, publisher.address, { releaseId, input, fee: FEE, windowSeconds: WINDOW_SECONDS });
  }

  /** Requests and answers. @returns the result's id. */
  async function answer(input: Uint8Array, output: Uint8Array): Promise<Hex> {
    const handle = await ask(input);
    await networkHelpers.time.increase(300);
    await deployed.market.connect(operator.signer).fulfill(handle.request, output);
    await sync();
    const resultId = view.state.requests.get(handle.requestId)?.resultId;
    if (resultId === undefined) throw new Error("the request was not answered");
    return resultId;
  }

  async function trialOf(resultId: Hex): Promise<Trial> {
    const now = await sync();
    const result = view.state.results.get(resultId);
    const trial = result && trialOfResult(view.state, result, now);
    if (trial === undefined) throw new Error("no such result");
    return trial;
  }

  /** Sends a move. @throws if it reverts. */
  async function make(by: Player, trial: Trial, move: Move): Promise<TransactionReceipt> {
    const data = encodeMove(contracts, trial, move);
    const sent = await by.signer.sendTransaction({ to: deployment.addresses.game, data });
    const receipt = await sent.wait();
    if (receipt === null) throw new Error("no receipt");
    return receipt;
  }

  async function count(by: Player, trial: Trial, move: Move): Promise<MadeMove> {
    const { gasUsed } = await make(by, trial, move);
    const calldataBytes = (encodeMove(contracts, trial, move).length - 2) / 2;
    return { kind: move.kind, gas: Number(gasUsed), calldataBytes };
  }

  /** Sends transactions of different accounts so that they meet in as few blocks as possible. */
  async function atOnce(sends: readonly (() => Promise<unknown>)[]): Promise<void> {
    await ethers.provider.send("evm_setAutomine", [false]);
    let left = sends.length;
    const sent = Promise.all(sends.map((send) => send().finally(() => left--)));
    while (left > 0) {
      await sleep(50);
      await networkHelpers.mine();
    }
    await ethers.provider.send("evm_setAutomine", [true]);
    await sent;
  }

  function runOf(input: Uint8Array): HonestRun {
    const { program, commitment } = model;
    const inputs = splitBlob(program.inputs, input);
    return { program, commitment, inputs, trace: computeTrace(program, inputs) };
  }

  /**
   * Both sides play until neither has a move: the operator defends `defended`, the challenger attacks with `run`.
   * @returns gas by move.
   */
  async function play(
    resultId: Hex,
    challenger: Player,
    run: HonestRun,
    defended: DefendedTrace | undefined,
  ): Promise<MadeMove[]> {
    const moves: MadeMove[] = [];
    const attack = (trial: Trial): Move | undefined => {
      const facts = factsOf(trial, challenger.address);
      return planChallenger(trial, challenger.address, facts && findEvidence(run, facts))?.move;
    };
    const defence = async (trial: Trial): Promise<Move | undefined> => {
      const [plan] = planOperator(trial);
      if (plan === undefined) return undefined;
      if (plan.move.kind === "timeout") return plan.move;
      return defended && answerWith(defended, plan.move);
    };
    for (let quiet = 0; quiet < 2;) {
      let moved = false;
      for (const side of ["challenger", "operator"] as const) {
        const trial = await trialOf(resultId);
        const move = side === "operator" ? await defence(trial) : attack(trial);
        if (move === undefined) continue;
        moves.push(await count(side === "operator" ? operator : challenger, trial, move));
        moved = true;
      }
      quiet = moved ? 0 : quiet + 1;
    }
    return moves;
  }

  /** Pays out everything that is due to these players. @returns gas by move. */
  async function settle(resultId: Hex, players: readonly Player[]): Promise<MadeMove[]> {
    const moves: MadeMove[] = [];
    for (const by of players) {
      for (const move of planSettlement(await trialOf(resultId), by.address)) {
        moves.push(await count(by, await trialOf(resultId), move));
      }
    }
    return moves;
  }

  async function finalize(resultId: Hex): Promise<void> {
    const { request: made, result } = await trialOf(resultId);
    await deployed.market.finalize(made.request, result.operator, result.output);
  }

  async function accountOf(who: Player): Promise<{ free: bigint; locked: bigint }> {
    const { freeWei, lockedWei } = await deployed.vault.accountOf(who.address);
    return { free: freeWei, locked: lockedWei };
  }

  return {
    accountOf,
    answer,
    ask,
    atOnce,
    contracts,
    deployed,
    ethers,
    finalize,
    make,
    model,
    networkHelpers,
    operator,
    play,
    player,
    publisher,
    release,
    rewind,
    runOf,
    settle,
    trialOf,
    view,
  };
}

/** A copy of a trace's tensors, changed. */
export function tampered(trace: Trace, change: (tensors: Uint8Array[]) => void): Uint8Array[] {
  const tensors = trace.tensors.map((tensor) => tensor.slice());
  change(tensors);
  return tensors;
}

export function outputOf(run: HonestRun): Uint8Array {
  return new Uint8Array(Buffer.concat(run.trace.outputs));
}
