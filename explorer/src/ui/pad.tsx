/** Drawing a small grey image with a pointer or the keyboard. */
import { useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";

export const SIDE = 8;
const CELLS = SIDE * SIDE;
/** Black; the example model's images have 17 shades. */
const DARKEST = 16;
/** Radius of the brush, in cells. */
const RADIUS = 1.05;

export function emptyPad(): Uint8Array {
  return new Uint8Array(CELLS);
}

/** Ink where a brush at (x, y), in cells, covers a cell. */
function inked(pixels: Uint8Array, x: number, y: number, ink: boolean): Uint8Array {
  return pixels.map((old, i) => {
    const away = Math.hypot((i % SIDE) + 0.5 - x, Math.floor(i / SIDE) + 0.5 - y);
    if (away >= RADIUS) return old;
    const amount = Math.min(DARKEST, Math.round(DARKEST * 1.5 * (1 - away / RADIUS)));
    return ink ? Math.max(old, amount) : away < RADIUS / 2 ? 0 : old;
  });
}

export function Pad({
  pixels,
  onChange,
}: {
  pixels: Uint8Array;
  onChange: (pixels: Uint8Array) => void;
}): ReactNode {
  const last = useRef<readonly [number, number]>(undefined);
  const [cursor, setCursor] = useState(0);
  const [ink, setInk] = useState(true);

  function place(event: PointerEvent<SVGSVGElement>): readonly [number, number] {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
    return [((event.clientX - left) / width) * SIDE, ((event.clientY - top) / height) * SIDE];
  }

  function stroke(event: PointerEvent<SVGSVGElement>): void {
    const [x, y] = place(event);
    const [fromX, fromY] = last.current ?? [x, y];
    const steps = Math.max(1, Math.ceil(Math.hypot(x - fromX, y - fromY) * 4));
    let next = pixels;
    for (let i = 1; i <= steps; i++)
      next = inked(next, fromX + ((x - fromX) * i) / steps, fromY + ((y - fromY) * i) / steps, ink);
    last.current = [x, y];
    onChange(next);
  }

  function key(event: KeyboardEvent): void {
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -SIDE,
      ArrowDown: SIDE,
    };
    const move = moves[event.key];
    if (move !== undefined) setCursor(Math.max(0, Math.min(CELLS - 1, cursor + move)));
    else if (event.key === " " || event.key === "Enter")
      onChange(
        pixels.map((old, i) =>
          i === cursor ? (old === DARKEST ? 0 : Math.min(DARKEST, old + DARKEST / 2)) : old,
        ),
      );
    else return;
    event.preventDefault();
  }

  const [row, column] = [Math.floor(cursor / SIDE), cursor % SIDE];
  return (
    <div className="pad">
      <svg
        viewBox={`0 0 ${SIDE} ${SIDE}`}
        tabIndex={0}
        role="application"
        aria-label={`Drawing of ${SIDE} by ${SIDE} cells: arrow keys move, space darkens. Row ${row + 1}, column ${column + 1}, ${pixels[cursor] ?? 0} of ${DARKEST}`}
        onKeyDown={key}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          last.current = undefined;
          stroke(event);
        }}
        onPointerMove={(event) => event.buttons > 0 && stroke(event)}
        onPointerUp={() => (last.current = undefined)}
      >
        {Array.from(pixels, (value, i) => (
          <rect
            key={i}
            x={i % SIDE}
            y={Math.floor(i / SIDE)}
            width="1"
            height="1"
            style={{ opacity: value / DARKEST }}
          />
        ))}
        <rect className="cursor" x={column} y={row} width="1" height="1" />
      </svg>
      <div className="buttons">
        <button type="button" aria-pressed={!ink} onClick={() => setInk(!ink)}>
          Eraser
        </button>
        <button type="button" onClick={() => onChange(emptyPad())}>
          Clear
        </button>
      </div>
    </div>
  );
}
