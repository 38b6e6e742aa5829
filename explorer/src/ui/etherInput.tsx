import { parseEther } from "ethers";
import { useId, type ReactNode } from "react";

/** @returns undefined unless it is an amount of ETH, such as 0.01. */
export function etherOf(text: string): bigint | undefined {
  return /^\d{1,9}(\.\d{1,18})?$/.test(text.trim()) ? parseEther(text.trim()) : undefined;
}

export function EtherInput({
  label,
  value,
  onChange,
  hint,
}: {
  label: string;
  value: string;
  onChange: (text: string) => void;
  hint?: ReactNode;
}): ReactNode {
  const id = useId();
  const wrong = value !== "" && etherOf(value) === undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}, ETH</label>
      <input
        id={id}
        inputMode="decimal"
        autoComplete="off"
        value={value}
        aria-invalid={wrong}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.value)}
      />
      <p className="hint" id={`${id}-hint`}>
        {wrong ? "An amount such as 0.01." : hint}
      </p>
    </div>
  );
}
