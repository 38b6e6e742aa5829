/** The small parts that every page is made of. */
import { useEffect, useId, useRef, useState, type ReactNode, type RefObject } from "react";
import { Link, useLocation } from "wouter";
import type { Hex } from "../../../sdk/src/structs.ts";
import { useNow } from "../data/context.tsx";
import { amount, exactAmount, exactTime, relative, shortened } from "./words.ts";

/** An id, shortened, with its whole as title: a link to its page, or a button that copies it. */
export function Id({ value, to, what }: { value: Hex; to?: string; what: string }): ReactNode {
  const [copied, setCopied] = useState(false);
  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(value);
    setCopied(true);
    setTimeout(() => setCopied(false), 1200);
  }
  const text = <span className="mono">{shortened(value)}</span>;
  if (to !== undefined)
    return (
      <Link className="id" to={to} title={value}>
        {text}
      </Link>
    );
  return (
    <span className="id" title={value}>
      {text}
      <button
        type="button"
        className="copy"
        aria-label={`Copy ${what} ${shortened(value)}`}
        onClick={() => void copy()}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          {copied ? <path d="M3 8.5l3.5 3.5L13 4.5" /> : <path d="M6 5.5h7.5v8H6zM10 5.5v-3H2.5v8H6" />}
        </svg>
      </button>
      {copied && (
        <span role="status" className="hidden">
          copied
        </span>
      )}
    </span>
  );
}

export function Account({ address }: { address: Hex }): ReactNode {
  return <Id value={address} to={`/accounts/${address.toLowerCase()}`} what="account" />;
}

export function Ether({ wei }: { wei: bigint }): ReactNode {
  return (
    <data className="amount" value={wei.toString()} title={exactAmount(wei)}>
      {amount(wei)}
    </data>
  );
}

/** Relative to the chain's newest block; the exact time on hover, and on focus where it can be focused. */
export function Time({ at, focusable = false }: { at: number; focusable?: boolean }): ReactNode {
  const now = useNow();
  const [exact, setExact] = useState(false);
  if (at === 0) return <span className="muted">unknown</span>;
  const iso = new Date(at * 1000).toISOString();
  const words = exact ? exactTime(at) : relative(at, now);
  if (!focusable)
    return (
      <time dateTime={iso} title={exactTime(at)}>
        {words}
      </time>
    );
  return (
    <button
      type="button"
      className="time"
      title={exactTime(at)}
      aria-label={`${relative(at, now)}: ${exactTime(at)}`}
      onClick={() => setExact(!exact)}
    >
      <time dateTime={iso}>{words}</time>
    </button>
  );
}

export type Tone = "good" | "bad" | "open" | "plain" | "warn";

export function Badge({ tone, children }: { tone: Tone; children: ReactNode }): ReactNode {
  return <span className={`badge ${tone}`}>{children}</span>;
}

/** The page that was shown last; none at the beginning of a visit, where the focus is the browser's. */
let visited: string | undefined;
/** The visit has gone on from where it began. */
let moved = false;

/** Moves the focus to the heading of a page that has been navigated to, and the view to its top. Pages load late, so they do it themselves. */
function useArrival(): RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  const [location] = useLocation();
  useEffect(() => {
    const arrives = visited !== undefined && visited !== location;
    visited = location;
    moved ||= arrives;
    if (arrives) window.scrollTo(0, 0);
    // Also where what was missing has been read meanwhile, and its page replaces the one that said so.
    const lost = moved && document.activeElement === document.body;
    if (arrives || lost) heading.current?.focus({ preventScroll: true });
  }, [location]);
  return heading;
}

export function Page({
  title,
  tab = title,
  lead,
  children,
}: {
  title: string;
  /** In the browser's tab. */
  tab?: string;
  lead?: ReactNode;
  children: ReactNode;
}): ReactNode {
  const heading = useArrival();
  return (
    <>
      <title>{`${tab} · Assay`}</title>
      <header className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {lead !== undefined && <p className="lead">{lead}</p>}
      </header>
      {children}
    </>
  );
}

export function Card({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}): ReactNode {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** Rows of a name and what it is. */
export function Facts({
  rows,
}: {
  rows: readonly (readonly [string, ReactNode] | false | undefined)[];
}): ReactNode {
  return (
    <dl className="facts">
      {rows.flatMap((row) =>
        row === undefined || row === false
          ? []
          : [
              <div key={row[0]}>
                <dt>{row[0]}</dt>
                <dd>{row[1]}</dd>
              </div>,
            ],
      )}
    </dl>
  );
}

export function Table({
  caption,
  head,
  rows,
  empty,
}: {
  caption: string;
  head: readonly string[];
  rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
  empty: ReactNode;
}): ReactNode {
  if (rows.length === 0) return <p className="empty">{empty}</p>;
  return (
    <div className="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption className="hidden">{caption}</caption>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells }) => (
            <tr key={key}>
              {cells.map((cell, i) => (
                <td key={head[i] ?? i} data-label={head[i]}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const PAGE_ROWS = 50;

/** The first rows of a long list, and a button for more. */
export function useMore<T>(all: readonly T[]): readonly [readonly T[], ReactNode] {
  const [count, setCount] = useState(PAGE_ROWS);
  const more = all.length > count && (
    <button type="button" className="more" onClick={() => setCount(count + PAGE_ROWS)}>
      Show more ({all.length - count} left)
    </button>
  );
  return [all.slice(0, count), more];
}

export function Problem({ children }: { children: ReactNode }): ReactNode {
  return (
    <p className="problem" role="alert">
      {children}
    </p>
  );
}
