/**
 * Decision trees as tensor programs. Every test of a node, whatever its mode, becomes tests x <= threshold; then all trees
 * are walked side by side, three instructions a level: gather the feature, compare, gather the child.
 */
import { ModelError } from "../../onnx/error.ts";
import { ZERO, at } from "../affine.ts";
import type { Builder } from "../builder.ts";
import { map, reduce, reshape, squeeze } from "../compose.ts";
import { expand, type Value } from "../value.ts";
import { concat } from "./join.ts";
import { neighbour, type Split } from "./tree_split.ts";

const MAX_DEPTH = 4096;
const MAX_TABLE = 2 ** 24;

/** What a leaf adds to a target. */
export interface Vote {
  readonly target: number;
  readonly weight: number;
}

export type TreeNode =
  { readonly split: Split; readonly yes: number; readonly no: number } | { readonly votes: readonly Vote[] };

export interface Forest {
  readonly nodes: readonly TreeNode[];
  /** Node of each tree's root. */
  readonly roots: readonly number[];
  readonly targets: number;
}

/** A test x <= threshold (of the negated feature if `negated`), which a NaN fails; or a leaf, which leads to itself. */
interface Row {
  readonly feature: number;
  readonly negated: boolean;
  readonly threshold: number;
  yes: number;
  no: number;
}

/** Binary search for the interval of a split, its tests appended to `rows`. @returns the first one's row. */
function search(rows: Row[], { feature, limits, outcomes, missing }: Split, yes: number, no: number): number {
  let [bounds, ends] = [limits, outcomes.map((outcome) => (outcome ? yes : no))];
  const wanted = missing ? yes : no;
  if (!ends.includes(wanted) || ends.length === 1)
    [bounds, ends] = [
      [...bounds, Infinity],
      [...ends, wanted],
    ];
  const home = ends.lastIndexOf(wanted);
  const build = (from: number, to: number): number => {
    if (from === to) return ends[from] ?? no;
    const middle = Math.floor((from + to) / 2);
    const limit = bounds[middle] ?? 0;
    const lower = build(from, middle);
    const upper = build(middle + 1, to);
    // The side where NaNs belong must be the one that a failed test leads to.
    if (home > middle)
      return rows.push({ feature, negated: false, threshold: limit, yes: lower, no: upper }) - 1;
    const threshold = limit === Infinity ? NaN : -neighbour(limit, 1);
    return rows.push({ feature, negated: true, threshold, yes: upper, no: lower }) - 1;
  };
  return build(0, ends.length - 1);
}

/** Rows of all nodes: leaves at the place of their node, tests behind all nodes. */
interface Table {
  readonly rows: readonly Row[];
  /** First row of each node. */
  readonly rowOf: readonly number[];
}

function tabulate(nodes: readonly TreeNode[]): Table {
  const rows: Row[] = nodes.map((_, k) => ({ feature: 0, negated: false, threshold: 0, yes: k, no: k }));
  const rowOf = nodes.map((node, k) => ("votes" in node ? k : search(rows, node.split, node.yes, node.no)));
  for (const row of rows) {
    row.yes = rowOf[row.yes] ?? row.yes;
    row.no = rowOf[row.no] ?? row.no;
  }
  return { rows, rowOf };
}

/** What there is below a row. */
interface Below {
  /** Tests on the longest way to a leaf. */
  readonly depth: number;
  /** The one target that leaves vote for; -1 if they vote for none, NaN if for several. */
  readonly target: number;
  /** Whether each leaf votes for that target, or for all if it is NaN. */
  readonly full: boolean;
}

function joined(x: Below, y: Below): Below {
  const target =
    x.target === -1 ? y.target : y.target === -1 ? x.target : x.target === y.target ? x.target : NaN;
  const same = Object.is(x.target, y.target);
  return { depth: 1 + Math.max(x.depth, y.depth), target, full: same && x.full && y.full };
}

function leafBelow(votes: readonly Vote[], targets: number): Below {
  const [first, second] = votes;
  if (first === undefined) return { depth: 0, target: -1, full: false };
  if (second === undefined) return { depth: 0, target: first.target, full: true };
  return { depth: 0, target: NaN, full: votes.length === targets };
}

/** Of each root. @throws {ModelError} MALFORMED for a cycle. */
function survey(forest: Forest, { rows, rowOf }: Table): Below[] {
  const found = new Map<number, Below>();
  const open = new Set<number>();
  forest.nodes.forEach((node, k) => {
    if ("votes" in node) found.set(k, leafBelow(node.votes, forest.targets));
  });
  const visit = (root: number): Below => {
    const stack = [root];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const row = rows[top];
      const [yes, no] = [found.get(row?.yes ?? -1), found.get(row?.no ?? -1)];
      if (found.has(top) || row === undefined) stack.pop();
      else if (yes !== undefined && no !== undefined) {
        found.set(top, joined(yes, no));
        open.delete(top);
        stack.pop();
      } else {
        open.add(top);
        const next = [row.yes, row.no].filter((child) => !found.has(child));
        if (next.some((child) => open.has(child)))
          throw new ModelError("MALFORMED", "a tree leads back to itself");
        stack.push(...next);
      }
    }
    return found.get(root) ?? { depth: 0, target: -1, full: false };
  };
  return forest.roots.map((root) => visit(rowOf[root] ?? root));
}

/** Rows that each tree ends in: [N, T] for x [N, F] and the rows [T] that the trees start at. */
function walk(b: Builder, x: Value, rows: readonly Row[], starts: readonly number[], depth: number): Value {
  const [samples = 1, features = 1] = x.shape;
  for (const { feature } of rows)
    if (feature < 0 || feature >= features)
      throw new ModelError("MALFORMED", `feature ${feature} of ${features}`);
  // A negated feature stands `features` places behind the feature itself.
  const operand = rows.some(({ negated }) => negated) ? concat(b, [x, map(b, "neg", "f32", x)], 1) : x;
  const feature = b.list(
    "i32",
    rows.map((row) => row.feature + (row.negated ? features : 0)),
  );
  const threshold = b.list(
    "f32",
    rows.map((row) => row.threshold),
  );
  const yes = b.list(
    "i32",
    rows.map((row) => row.yes),
  );
  const no = b.list(
    "i32",
    rows.map((row) => row.no),
  );
  const trees = starts.length;
  let place = b.list("i32", starts, [1, trees]);
  for (let level = 0; level < depth; level++) {
    const here = { gather: place, at: [place.shape[0] === 1 ? ZERO : at(0), at(1)] };
    const out = [place.shape[0] ?? 1, trees];
    const tested = b.emit({ body: "copy", dtype: "i32", out, loads: [{ value: feature, at: [here] }] });
    const column = { ...here, gather: tested };
    const test = b.emit({
      body: "le",
      dtype: "bool",
      out: [samples, trees],
      loads: [
        { value: operand, at: [at(0), column] },
        { value: threshold, at: [here] },
      ],
    });
    place = b.emit({
      body: "where",
      dtype: "i32",
      out: [samples, trees],
      loads: [
        { value: test, at: [at(0), at(1)] },
        { value: yes, at: [here] },
        { value: no, at: [here] },
      ],
    });
  }
  return place;
}

export type Aggregate = "sum" | "min" | "max";

export interface Scores {
  /** [N, K]. */
  readonly values: Value;
  /** Targets that every sample has a vote for. */
  readonly voted: ReadonlySet<number>;
}

/**
 * Votes of the leaves that the samples x [N, F] reach, folded by target; without votes 0 for a sum, else an infinity. If each
 * tree votes for one target, trees are sorted by target and padded to equal numbers, so that the reduction runs over
 * neighbours; else each leaf has a weight for each target.
 */
export function score(b: Builder, x: Value, forest: Forest, fold: Aggregate): Scores {
  const { targets } = forest;
  const nobody = forest.nodes.length;
  const nodes: readonly TreeNode[] = [...forest.nodes, { votes: [] }];
  const table = tabulate(nodes);
  const trees = survey(forest, table);
  const depth = trees.reduce((most, tree) => Math.max(most, tree.depth), 0);
  if (depth > MAX_DEPTH) throw new ModelError("TOO_LARGE", `trees of depth ${depth} (at most ${MAX_DEPTH})`);
  const starts = forest.roots.map((root) => table.rowOf[root] ?? root);
  const absent = fold === "sum" ? 0 : fold === "min" ? Infinity : -Infinity;
  const all = Array.from({ length: targets }, (_, k) => k);
  const need = (elements: number) => {
    if (elements > MAX_TABLE) throw new ModelError("TOO_LARGE", `a table of ${elements} votes`);
  };

  if (trees.some(({ target }) => Number.isNaN(target))) {
    need(nodes.length * targets);
    const weights = new Array<number>(nodes.length * targets).fill(absent);
    nodes.forEach((node, k) => {
      if ("votes" in node)
        for (const { target, weight } of node.votes) weights[k * targets + target] = weight;
    });
    const place = walk(b, x, table.rows, starts, depth);
    const votes = b.emit({
      body: "copy",
      dtype: "f32",
      out: [place.shape[0] ?? 1, targets, starts.length],
      loads: [
        {
          value: b.list("f32", weights, [nodes.length, targets]),
          at: [{ gather: place, at: [at(0), at(2)] }, at(1)],
        },
      ],
    });
    const full = trees.some((tree) => tree.full && Number.isNaN(tree.target));
    const single = trees.filter((tree) => tree.full).map(({ target }) => target);
    return {
      values: spread(x, squeeze(reduce(b, fold, "f32", votes, [2]), [2])),
      voted: new Set(full ? all : single),
    };
  }

  const columns = all.map((target) => starts.filter((_, t) => trees[t]?.target === target));
  const most = columns.reduce((longest, column) => Math.max(longest, column.length), 1);
  need(targets * most);
  const grid = columns.flatMap((column) => [
    ...column,
    ...new Array<number>(most - column.length).fill(nobody),
  ]);
  const weights = nodes.map((node) => ("votes" in node ? (node.votes[0]?.weight ?? absent) : absent));
  const place = walk(b, x, table.rows, grid, depth);
  const votes = b.emit({
    body: "copy",
    dtype: "f32",
    out: place.shape,
    loads: [{ value: b.list("f32", weights), at: [{ gather: place, at: [at(0), at(1)] }] }],
  });
  const byTarget = reshape(b, votes, [place.shape[0] ?? 1, targets, most]);
  return {
    values: spread(x, squeeze(reduce(b, fold, "f32", byTarget, [2]), [2])),
    voted: new Set(trees.filter(({ full }) => full).map(({ target }) => target)),
  };
}

/** For all samples, what does not depend on them if no tree has a test. */
function spread({ shape: [samples = 1] }: Value, scores: Value): Value {
  return expand(scores, [samples, scores.shape[1] ?? 1]);
}
