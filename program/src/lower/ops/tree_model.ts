/**
 * Tree ensembles as their attributes state them.
 */
import type { DTypeName } from "../../dtype.ts";
import type { Attributes } from "../../onnx/attributes.ts";
import { ModelError } from "../../onnx/error.ts";
import { float32At, integers, type HostTensor } from "../../onnx/host.ts";
import type { Builder } from "../builder.ts";
import { cast } from "../compose.ts";
import type { Forest, TreeNode, Vote } from "./forest.ts";
import { MODES, splitOf, type Mode } from "./tree_split.ts";

export function needLength(values: readonly unknown[], length: number, name: string): void {
  if (values.length !== length)
    throw new ModelError("MALFORMED", `${name} has ${values.length} elements, not ${length}`);
}

/** Floats from an attribute, or from its twin that holds a tensor. */
export function floatsOf(attributes: Attributes, name: string): readonly number[] | undefined {
  const tensor = attributes.tensor(`${name}_as_tensor`);
  return tensor === undefined ? attributes.floats(name) : float32s(tensor, name);
}

function float32s(tensor: HostTensor, name: string): number[] {
  if (tensor.dtype !== "f32") throw new ModelError("UNSUPPORTED_DTYPE", `${name} of ${tensor.dtype}`);
  return Array.from({ length: tensor.data.length / 4 }, (_, i) => float32At(tensor, i));
}

/** The forest that attributes up to version 4 state; votes are those of `prefix` ("target" or "class"). */
export function readForest(attributes: Attributes, prefix: "target" | "class", targets: number): Forest {
  const ints = (name: string) => attributes.ints(name) ?? [];
  const ids = ints("nodes_nodeids");
  const count = ids.length;
  const treeIds = ints("nodes_treeids");
  const featureIds = ints("nodes_featureids");
  const [yesIds, noIds] = [ints("nodes_truenodeids"), ints("nodes_falsenodeids")];
  const modes = attributes.strings("nodes_modes") ?? [];
  const values = floatsOf(attributes, "nodes_values") ?? [];
  const missing = ints("nodes_missing_value_tracks_true");
  for (const list of [treeIds, featureIds, yesIds, noIds, modes, values])
    needLength(list, count, "an attribute of the nodes");
  if (missing.length > 0) needLength(missing, count, "nodes_missing_value_tracks_true");
  if (count === 0) throw new ModelError("MALFORMED", "no nodes");

  const index = new Map<string, number>();
  const roots: number[] = [];
  const seen = new Set<number>();
  ids.forEach((id, k) => {
    const tree = treeIds[k] ?? 0;
    const key = `${tree} ${id}`;
    if (index.has(key)) throw new ModelError("MALFORMED", `node ${id} of tree ${tree} is there twice`);
    index.set(key, k);
    if (k > 0 && treeIds[k - 1] === tree) return;
    if (seen.has(tree)) throw new ModelError("MALFORMED", `the nodes of tree ${tree} do not stand together`);
    seen.add(tree);
    roots.push(k);
  });
  const find = (tree: number | undefined, id: number | undefined): number => {
    const found = index.get(`${tree} ${id}`);
    if (found === undefined) throw new ModelError("MALFORMED", `there is no node ${id} in tree ${tree}`);
    return found;
  };
  const votes = readVotes(attributes, prefix, targets, find);
  const nodes = modes.map((name, k): TreeNode => {
    if (name === "LEAF") return { votes: votes.get(k) ?? [] };
    const mode = MODES.find((known) => `BRANCH_${known}` === name && known !== "MEMBER");
    if (mode === undefined) throw new ModelError("MALFORMED", `mode "${name}"`);
    const split = splitOf(mode, featureIds[k] ?? 0, [values[k] ?? 0], missing[k] === 1);
    return { split, yes: find(treeIds[k], yesIds[k]), no: find(treeIds[k], noIds[k]) };
  });
  return { nodes, roots, targets };
}

/** Votes by node. */
function readVotes(
  attributes: Attributes,
  prefix: "target" | "class",
  targets: number,
  find: (tree: number | undefined, id: number | undefined) => number,
): Map<number, Vote[]> {
  const ids = attributes.ints(`${prefix}_ids`) ?? [];
  const nodeIds = attributes.ints(`${prefix}_nodeids`) ?? [];
  const treeIds = attributes.ints(`${prefix}_treeids`) ?? [];
  const weights = floatsOf(attributes, `${prefix}_weights`) ?? [];
  for (const list of [nodeIds, treeIds, weights]) needLength(list, ids.length, "an attribute of the votes");
  const votes = new Map<number, Vote[]>();
  ids.forEach((target, k) => {
    if (target < 0 || target >= targets)
      throw new ModelError("MALFORMED", `a vote for ${target} of ${targets}`);
    const leaf = find(treeIds[k], nodeIds[k]);
    const own = votes.get(leaf) ?? [];
    if (own.some((vote) => vote.target === target))
      throw new ModelError("UNSUPPORTED_USE", "a leaf that votes for one target twice");
    own.push({ target, weight: weights[k] ?? 0 });
    votes.set(leaf, own);
  });
  return votes;
}

export function readTargets(attributes: Attributes): number {
  const targets = attributes.int("n_targets") ?? 0;
  if (targets < 1) throw new ModelError("MALFORMED", `n_targets ${targets}`);
  if (targets > 2 ** 20) throw new ModelError("TOO_LARGE", `${targets} targets`);
  return targets;
}

/** Version 5: nodes and leaves apart, sets of members; numbers of `dtype`. */
export function readEnsemble(b: Builder, attributes: Attributes, dtype: DTypeName): Forest {
  const targets = readTargets(attributes);
  const ints = (name: string) => attributes.ints(name) ?? [];
  const floats = (name: string): number[] => {
    const tensor = attributes.tensor(name);
    if (tensor === undefined) return [];
    if (tensor.dtype !== dtype) throw new ModelError("MALFORMED", `${name} is ${tensor.dtype}, not ${dtype}`);
    const wide = b.known(cast(b, b.constant(dtype, tensor.shape, tensor.data), "f32"));
    return wide === undefined ? [] : float32s(wide, name);
  };
  const modeTensor = attributes.tensor("nodes_modes");
  if (modeTensor?.dtype !== "u8") throw new ModelError("MALFORMED", "nodes_modes is not a tensor of u8");
  const modes = integers(modeTensor).map(Number);
  const count = modes.length;
  const featureIds = ints("nodes_featureids");
  const splits = floats("nodes_splits");
  const [yesIds, noIds] = [ints("nodes_truenodeids"), ints("nodes_falsenodeids")];
  const [yesLeafs, noLeafs] = [ints("nodes_trueleafs"), ints("nodes_falseleafs")];
  const missing = ints("nodes_missing_value_tracks_true");
  for (const list of [featureIds, splits, yesIds, noIds, yesLeafs, noLeafs])
    needLength(list, count, "an attribute of the nodes");
  if (missing.length > 0) needLength(missing, count, "nodes_missing_value_tracks_true");
  const leafTargets = ints("leaf_targetids");
  const weights = floats("leaf_weights");
  needLength(weights, leafTargets.length, "leaf_weights");
  const roots = ints("tree_roots");
  for (const root of roots)
    if (root < 0 || root >= count) throw new ModelError("MALFORMED", `root ${root} of ${count} nodes`);
  if (roots.length === 0) throw new ModelError("MALFORMED", "no trees");
  const sets = membersOf(floats("membership_values"));
  const child = (id: number | undefined, isLeaf: number | undefined): number => {
    const limit = isLeaf === 0 ? count : leafTargets.length;
    if (id === undefined || id < 0 || id >= limit)
      throw new ModelError("MALFORMED", `a child ${id} of ${limit}`);
    return isLeaf === 0 ? id : count + id;
  };
  const branches = modes.map((code, k): TreeNode => {
    const mode: Mode | undefined = MODES[code];
    if (mode === undefined) throw new ModelError("MALFORMED", `mode ${code}`);
    const members = mode === "MEMBER" ? sets.shift() : [splits[k] ?? 0];
    if (members === undefined) throw new ModelError("MALFORMED", "too few membership_values");
    const split = splitOf(mode, featureIds[k] ?? 0, members, missing[k] === 1);
    return { split, yes: child(yesIds[k], yesLeafs[k]), no: child(noIds[k], noLeafs[k]) };
  });
  const leaves = leafTargets.map((target, k): TreeNode => {
    if (target < 0 || target >= targets)
      throw new ModelError("MALFORMED", `a vote for ${target} of ${targets}`);
    return { votes: [{ target, weight: weights[k] ?? 0 }] };
  });
  return { nodes: [...branches, ...leaves], roots, targets };
}

/** Sets that end in a NaN each, but for the last one. */
function membersOf(values: readonly number[]): number[][] {
  const sets: number[][] = [];
  let open: number[] | undefined;
  for (const value of values) {
    if (open === undefined) sets.push((open = []));
    if (Number.isNaN(value)) open = undefined;
    else open.push(value);
  }
  return sets;
}
