/** Where the input of a request comes from: a drawing, a file, or JSON. */
import { useId, useState, type ChangeEvent, type ReactNode } from "react";
import { encodeInput } from "../../../sdk/src/encode.ts";
import { messageOf } from "../../../sdk/src/error.ts";
import { blobLength, elementsOf, type TensorSpec } from "../../../sdk/src/tensor.ts";
import type { KnownSignature } from "../data/signature.ts";
import { Problem } from "./basics.tsx";
import { emptyPad, Pad, SIDE } from "./pad.tsx";

/** A single grey image that can be drawn. */
function isDrawable(specs: readonly TensorSpec[]): boolean {
  const [spec, ...others] = specs;
  return spec?.dtype === "u8" && elementsOf(spec) === SIDE * SIDE && others.length === 0;
}

export function InputForm({
  signature,
  onChange,
}: {
  signature: KnownSignature;
  /** undefined: there is no input yet, or a wrong one. */
  onChange: (blob: Uint8Array | undefined) => void;
}): ReactNode {
  const { inputs } = signature;
  const id = useId();
  const drawable = isDrawable(inputs);
  const ways = [...(drawable ? (["draw"] as const) : []), "file", "JSON"] as const;
  const [way, setWay] = useState<(typeof ways)[number]>(drawable ? "draw" : "JSON");
  const [pixels, setPixels] = useState(emptyPad);
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string>();

  function take(blob: () => Uint8Array): void {
    try {
      const found = blob();
      setProblem(undefined);
      onChange(found);
    } catch (error) {
      setProblem(messageOf(error));
      onChange(undefined);
    }
  }

  async function upload(event: ChangeEvent<HTMLInputElement>): Promise<void> {
    const [file] = event.target.files ?? [];
    if (file === undefined) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    take(() =>
      bytes.length === blobLength(inputs) ? bytes : encodeInput(signature, new TextDecoder().decode(bytes)),
    );
  }

  return (
    <fieldset className="input">
      <legend>Input</legend>
      <div className="buttons" role="radiogroup" aria-label="Where the input comes from">
        {ways.map((name) => (
          <label key={name} className="radio">
            <input
              type="radio"
              name={`${id}-way`}
              checked={way === name}
              onChange={() => {
                setWay(name);
                setProblem(undefined);
                onChange(name === "draw" && pixels.some((value) => value > 0) ? pixels : undefined);
              }}
            />{" "}
            {name}
          </label>
        ))}
      </div>
      {way === "draw" && (
        <Pad
          pixels={pixels}
          onChange={(next) => {
            setPixels(next);
            onChange(next.some((value) => value > 0) ? next : undefined);
          }}
        />
      )}
      {way === "file" && (
        <div className="field">
          <label htmlFor={`${id}-file`}>File: {blobLength(inputs)} raw bytes, or JSON</label>
          <input id={`${id}-file`} type="file" onChange={(event) => void upload(event)} />
        </div>
      )}
      {way === "JSON" && (
        <div className="field">
          <label htmlFor={`${id}-json`}>JSON: an object of tensors by name, or the only one's numbers</label>
          <textarea
            id={`${id}-json`}
            rows={5}
            className="mono"
            value={text}
            placeholder={`{"${inputs[0]?.name ?? "input"}": [0, 1, …]}`}
            onChange={(event) => {
              const { value } = event.target;
              setText(value);
              if (value.trim() === "") onChange(undefined);
              else take(() => encodeInput(signature, value));
            }}
          />
        </div>
      )}
      {problem !== undefined && <Problem>{problem}</Problem>}
    </fieldset>
  );
}
