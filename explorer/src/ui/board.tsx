/** Where a dispute stands after a move: clocks, and what part of the computation is in question. */
import type { ReactNode } from "react";
import type { ParameterSet } from "../../../sdk/src/parameters.ts";
import type { GameClock } from "../../../verifier/src/inspect/history.ts";
import type { Move } from "../../../verifier/src/inspect/moves.ts";
import type { Proven } from "../../../verifier/src/inspect/proof.ts";
import {
  operatorOf,
  targetText,
  type KnownModel,
  type Target,
} from "../../../verifier/src/inspect/target.ts";
import { duration } from "../../../verifier/src/inspect/text.ts";
import { grouped } from "./words.ts";

function Clock({
  name,
  left,
  of,
  running,
}: {
  name: string;
  left: number;
  of: number;
  running: boolean;
}): ReactNode {
  const share = of === 0 ? 0 : Math.max(0, Math.min(1, left / of));
  return (
    <div className={running ? "clock running" : "clock"}>
      <span>
        {name}
        {running && " · on the move"}
      </span>
      <span className="track" aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </span>
      <span className="muted">{left < 0 ? "time is up" : `${duration(left)} left`}</span>
    </div>
  );
}

function Clocks({ clocks, rules }: { clocks: readonly GameClock[]; rules: ParameterSet }): ReactNode {
  return clocks.map((clock) => (
    <div key={clock.disputeId} className="clocks">
      <Clock
        name="Operator"
        left={clock.operatorLeft}
        of={rules.operatorClock}
        running={clock.onMove === "operator"}
      />
      <Clock
        name="Challenger"
        left={clock.challengerLeft}
        of={rules.challengerClock}
        running={clock.onMove === "challenger"}
      />
    </div>
  ));
}

/** A whole as a bar, and the part of it in question. */
function Part({
  name,
  first,
  last,
  count,
  words,
}: {
  name: string;
  first: number;
  last: number;
  count: number;
  words: string;
}): ReactNode {
  const start = (first / Math.max(1, count)) * 100;
  const width = Math.max(1.2, ((last - first + 1) / Math.max(1, count)) * 100);
  return (
    <div className="part">
      <span className="name">{name}</span>
      <span className="whole" aria-hidden="true">
        <span style={{ left: `${Math.min(start, 98.8)}%`, width: `${width}%` }} />
      </span>
      <span className="words">{words}</span>
    </div>
  );
}

interface Question {
  readonly instructions: readonly [number, number];
  readonly elements: readonly [number, number] | undefined;
  readonly words: string;
}

function questionOf(
  target: Target | undefined,
  proven: Proven | undefined,
  instructions: number,
  model: KnownModel | undefined,
): Question {
  if (proven !== undefined) {
    const { instruction, element } = proven;
    const name = operatorOf(model, instruction);
    const words = `element ${element} of instruction ${instruction}${name === undefined ? "" : ` (${name})`}`;
    return { instructions: [instruction, instruction], elements: [element, element], words };
  }
  if (target !== undefined)
    return { instructions: target.instructions, elements: target.elements, words: targetText(target) };
  return {
    instructions: [0, Math.max(0, instructions - 1)],
    elements: undefined,
    words: "the whole computation",
  };
}

export function Board({
  move,
  before,
  instructions,
  rules,
  model,
  proven,
}: {
  move: Move | undefined;
  /** Moves up to it. */
  before: readonly Move[];
  instructions: number;
  rules: ParameterSet;
  model: KnownModel | undefined;
  proven: Proven | undefined;
}): ReactNode {
  if (move === undefined) return null;
  const target = before.findLast((earlier) => earlier.target !== undefined)?.target;
  const question = questionOf(target, proven, instructions, model);
  const [first, last] = question.instructions;
  const elements = model?.[first]?.elements;
  const challenged = before.some(({ event }) => event === "Challenged");
  return (
    <div className="board">
      <Clocks clocks={move.clocks} rules={rules} />
      {challenged && (
        <>
          <p className="question">
            In question: <strong>{question.words}</strong>
          </p>
          <Part
            name="Program"
            first={first}
            last={last}
            count={instructions}
            words={`${grouped(last - first + 1)} of ${grouped(instructions)} instructions`}
          />
          {question.elements !== undefined && elements !== undefined && (
            <Part
              name="Tensor"
              first={question.elements[0]}
              last={question.elements[1]}
              count={elements}
              words={`${grouped(question.elements[1] - question.elements[0] + 1)} of ${grouped(elements)} elements`}
            />
          )}
        </>
      )}
    </div>
  );
}
