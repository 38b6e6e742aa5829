/** The one number on which a dispute turned, as the operator had it and as it is. */
import type { ReactNode } from "react";
import type { Proven, StepProven } from "../../../verifier/src/inspect/proof.ts";
import type { Scalar } from "../../../verifier/src/inspect/scalar.ts";
import { operatorOf, type KnownModel } from "../../../verifier/src/inspect/target.ts";
import { Facts, Table } from "./basics.tsx";
import { counted, grouped } from "./words.ts";

/** Wider numbers show their hex digits. */
const MAX_BITS = 64;

function binary({ bits }: Scalar): string {
  const width = (bits.length - 2) * 4;
  return BigInt(bits).toString(2).padStart(width, "0");
}

function Bits({ of, against }: { of: Scalar; against: Scalar }): ReactNode {
  const [mine, other] = [binary(of), binary(against)];
  if (mine.length > MAX_BITS) return <span className="mono small break">{of.bits}</span>;
  const differ = Array.from(mine).filter((bit, i) => bit !== other[i]).length;
  return (
    <span className="bits mono" role="img" aria-label={`bits ${of.bits}, ${differ} of ${mine.length} differ`}>
      {Array.from(mine).map((bit, i) => (
        <span key={i} className={bit === other[i] ? undefined : "differs"}>
          {bit}
        </span>
      ))}
    </span>
  );
}

function Number({
  name,
  of,
  against,
  tone,
}: {
  name: string;
  of: Scalar;
  against: Scalar;
  tone: "bad" | "good";
}): ReactNode {
  return (
    <div className={`number ${tone}`}>
      <span className="name">{name}</span>
      <span className="value mono">{of.text}</span>
      <Bits of={of} against={against} />
    </div>
  );
}

/** What the exact value is made of. */
function Reads({ proven: { reads, operands } }: { proven: StepProven }): ReactNode {
  if (reads.length === 0) return null;
  return (
    <details>
      <summary>
        {operands > reads.length
          ? `The first ${reads.length} of ${grouped(operands)} operand elements`
          : `Its ${counted(operands, "operand element")}`}
      </summary>
      <Table
        caption="Operand elements, in the order in which they are used"
        head={["Operand", "Element", "Value", "Bits"]}
        empty="None."
        rows={reads.map(({ operand, element, value }) => ({
          key: `${operand}:${element}`,
          cells: [
            operand,
            grouped(element),
            <span key="v" className="mono">
              {value.text}
            </span>,
            <span key="b" className="mono muted">
              {value.bits}
            </span>,
          ],
        }))}
      />
    </details>
  );
}

export function Decision({ proven, model }: { proven: Proven; model: KnownModel | undefined }): ReactNode {
  const name = operatorOf(model, proven.instruction);
  const where = `instruction ${proven.instruction}${name === undefined ? "" : ` (${name})`}`;
  if (proven.kind === "shape") return <p>{`At ${where}, element ${proven.element}: ${proven.reason}.`}</p>;
  if (proven.kind === "step")
    return (
      <>
        <p>
          Element {proven.element} {proven.place} of {where}: <code>{proven.operation}</code> over{" "}
          {counted(proven.operands, "operand element")} that both sides agree on.
        </p>
        <div className="numbers">
          <Number name="The operator's trace" of={proven.claimed} against={proven.exact} tone="bad" />
          <Number name="Exactly" of={proven.exact} against={proven.claimed} tone="good" />
        </div>
        <Reads proven={proven} />
        <p className="hint">
          Computed again in this browser, by the definition, from the operands in the proof's calldata: not
          taken from anybody's word.
        </p>
      </>
    );
  return (
    <>
      <p>
        Element {proven.element} of output {proven.output}, from {where}: what was published is not what the
        operator's own trace has.
      </p>
      <div className="numbers">
        <Number name="Published" of={proven.published} against={proven.exact} tone="bad" />
        <Number name="The operator's trace" of={proven.exact} against={proven.published} tone="good" />
      </div>
      <Facts rows={[["Tolerated", proven.allowed]]} />
    </>
  );
}
