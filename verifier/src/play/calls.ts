/** Moves as calls to the dispute game. */
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";
import { revealKey } from "../chain/state.ts";
import type { OperatorPlan } from "./planner.ts";
import { claimOf, type Move, type Trial } from "./trial.ts";

/** Calldata of a move. */
export function encodeMove(
  contracts: Contracts,
  trial: Pick<Trial, "release" | "request" | "result">,
  move: Move,
): Hex {
  const game = contracts.game.interface;
  const claim = claimOf(trial);
  const { resultId, commit, output } = trial.result;
  const traceRoot = commit?.traceRoot ?? toHex(new Uint8Array(32));
  const { header } = trial.release;
  const encode = (): string => {
    switch (move.kind) {
      case "challenge":
        return game.encodeFunctionData("challenge", [claim]);
      case "commitTrace":
        return game.encodeFunctionData("commitTrace", [claim, move.root, header, move.top]);
      case "openInput":
        return game.encodeFunctionData("openInput", [
          claim.request,
          claim.release,
          header,
          trial.request.input,
        ]);
      case "select":
        return game.encodeFunctionData("select", [claim, traceRoot, move.from, move.selection]);
      case "reveal": {
        const { hash, tensor, height } = move.node;
        return game.encodeFunctionData("reveal", [resultId, traceRoot, hash, tensor, height, move.children]);
      }
      case "prove": {
        // The ABI type is an array that may be written to.
        const proof = { ...move.proof, operands: [...move.proof.operands] };
        return game.encodeFunctionData("prove", [claim, traceRoot, move.instruction, move.element, proof]);
      }
      case "proveOutput":
        return game.encodeFunctionData("proveOutput", [
          claim,
          traceRoot,
          move.output,
          move.element,
          output,
          move.proof,
        ]);
      case "timeout":
        return game.encodeFunctionData("timeout", [claim, move.challenger, move.node]);
      case "settleGame":
        return game.encodeFunctionData("settleGame", [claim, move.challenger]);
      case "settleBond":
        return game.encodeFunctionData("settleBond", [claim]);
    }
  };
  return asHex(encode());
}

/** Where the moves of a trial go. */
export function gameFor({ deployment: { addresses } }: Contracts, { request }: Pick<Trial, "request">): Hex {
  return request.court === "market" ? addresses.game : addresses.receiptsGame;
}

function asHex(data: string): Hex {
  return `0x${data.slice(2)}`;
}

/** One string for each distinct move, so that none is sent twice, nor taken for another that was. */
export function moveKey(resultId: Hex, move: Move | OperatorPlan["move"]): string {
  const base = `${resultId}:${move.kind}`;
  if (move.kind === "select") return `${base}:${revealKey(move.selection.node)}`;
  if (move.kind === "reveal") return `${base}:${revealKey(move.node)}`;
  if (move.kind === "timeout" || move.kind === "settleGame") return `${base}:${move.challenger}`;
  return base;
}
