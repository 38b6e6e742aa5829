/** A tensor's values: as pixels, as bars, or as numbers. */
import type { ReactNode } from "react";
import { dtype } from "../../../program/src/dtype.ts";
import { elementsOf, type TensorSpec } from "../../../sdk/src/tensor.ts";
import { elementOf, type Scalar } from "../../../verifier/src/inspect/scalar.ts";

const MAX_PIXELS = 32 * 32;
const MAX_BARS = 20;
const MAX_NUMBERS = 64;

/** Both sides of an image: the last two dimensions that are more than 3, where all others are 1. */
function imageOf({ shape, dtype: name }: TensorSpec): readonly [rows: number, columns: number] | undefined {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const others = shape.slice(0, -2).every((dim) => dim === 1);
  const square = rows > 3 && columns > 3 && rows * columns <= MAX_PIXELS;
  if (others && square && name !== "u64" && name !== "i64") return [rows, columns];
  // Without its shape: a square of bytes.
  const side = Math.sqrt(elementsOf({ name: "", dtype: name, shape }));
  if (shape.length === 1 && name === "u8" && side >= 8 && Number.isInteger(side) && side * side <= MAX_PIXELS)
    return [side, side];
  return undefined;
}

function Pixels({
  values,
  rows,
  columns,
  name,
}: {
  values: readonly Scalar[];
  rows: number;
  columns: number;
  name: string;
}): ReactNode {
  const numbers = values.map(({ value }) => (Number.isFinite(value) ? value : 0));
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const shade = (value: number): number => (high === low ? 0 : (value - low) / (high - low));
  return (
    <svg
      className="pixels"
      viewBox={`0 0 ${columns} ${rows}`}
      role="img"
      aria-label={`${name} as an image of ${rows} by ${columns}, values from ${low} to ${high}`}
    >
      {numbers.map((value, i) => (
        <rect
          key={i}
          x={i % columns}
          y={Math.floor(i / columns)}
          width="1"
          height="1"
          style={{ opacity: shade(value) }}
        >
          <title>{values[i]?.text}</title>
        </rect>
      ))}
    </svg>
  );
}

function Bars({ values }: { values: readonly Scalar[] }): ReactNode {
  const numbers = values.map(({ value }) => (Number.isFinite(value) ? value : 0));
  const [low, high] = [Math.min(0, ...numbers), Math.max(...numbers)];
  const best = numbers.indexOf(Math.max(...numbers));
  return (
    <ol className="bars" start={0}>
      {values.map(({ text, value, bits }, i) => (
        <li key={i} className={i === best ? "best" : undefined}>
          <span className="index">{i}</span>
          <span className="bar" aria-hidden="true">
            <span
              style={{
                width: `${high === low ? 0 : Math.max(0, ((Number.isFinite(value) ? value : 0) - low) / (high - low)) * 100}%`,
              }}
            />
          </span>
          <span className="mono" title={bits}>
            {text}
          </span>
          {i === best && <span className="tag">largest</span>}
        </li>
      ))}
    </ol>
  );
}

export function TensorView({ spec, data }: { spec: TensorSpec; data: Uint8Array }): ReactNode {
  const count = elementsOf(spec);
  if (data.length !== count * dtype(spec.dtype).bytes)
    return (
      <p className="problem">
        These bytes are no {spec.dtype}[{spec.shape.join(", ")}].
      </p>
    );
  const image = imageOf(spec);
  const shown = image === undefined ? Math.min(count, MAX_NUMBERS) : count;
  const values = Array.from({ length: shown }, (_, i) => elementOf(spec.dtype, data, i));
  return (
    <figure className="tensor">
      <figcaption>
        <code>{spec.name}</code>{" "}
        <span className="muted">
          {spec.dtype} [{spec.shape.join(", ")}]
        </span>
      </figcaption>
      {image !== undefined ? (
        <Pixels values={values} rows={image[0]} columns={image[1]} name={spec.name} />
      ) : count <= MAX_BARS && count > 1 ? (
        <Bars values={values} />
      ) : (
        <p className="mono small break">
          {values.map(({ text }) => text).join(", ")}
          {count > shown && `, … ${count - shown} more`}
        </p>
      )}
    </figure>
  );
}
