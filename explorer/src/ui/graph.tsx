/** A program as a graph: what the ONNX nodes became, by groups of instructions. */
import { useMemo, useRef, useState, type ReactNode } from "react";
import { Graph as LayoutGraph, layout, type GraphLabel, type NodeLabel } from "@dagrejs/dagre";
import {
  Background,
  Controls,
  Handle,
  Position,
  ReactFlow,
  type Edge,
  type Node,
  type NodeProps,
  type ReactFlowInstance,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import type { Outline, OutlinedInstruction } from "../../../verifier/src/releases/outlined.ts";
import { Table } from "./basics.tsx";

interface Box extends Record<string, unknown> {
  readonly title: string;
  readonly lines: readonly string[];
  readonly kind: "end" | "operator";
}

/** What goes into a program, and what comes out of which instruction, for people. */
export interface GraphEnds {
  readonly inputs: readonly string[];
  readonly outputs: readonly { readonly instruction: number; readonly text: string }[];
}

type BoxNode = Node<Box>;

const WIDTH = 230;
const LINE = 17;
const HEAD = 30;
/** Beyond it a drawing shows nothing any more. */
const MAX_BOXES = 400;
const MAX_LINES = 4;
/** Below it nothing can be read. */
const MIN_ZOOM = 0.7;
/** Around the drawing, pixels. */
const MARGIN = 16;

function BoxView({ data: { title, lines, kind } }: NodeProps<BoxNode>): ReactNode {
  return (
    <div className={`box ${kind}`}>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <strong>{title}</strong>
      {lines.map((line, i) => (
        <span key={i}>{line}</span>
      ))}
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  );
}

const NODE_TYPES = { box: BoxView };

interface Group {
  readonly id: string;
  readonly title: string;
  readonly instructions: (readonly [number, OutlinedInstruction])[];
}

/** Neighbouring instructions that came of one ONNX node. */
function groupsOf({ instructions }: Outline): Group[] {
  const groups: Group[] = [];
  instructions.forEach((made, k) => {
    const last = groups.at(-1);
    if (last !== undefined && last.title === made.operator) last.instructions.push([k, made]);
    else groups.push({ id: `g${k}`, title: made.operator, instructions: [[k, made]] });
  });
  return groups;
}

function linesOf({ instructions }: Group): string[] {
  const lines = instructions.map(
    ([k, { operation, dtype, shape }]) => `${k}: ${operation} ${dtype}[${shape.join(",")}]`,
  );
  const left = lines.length - MAX_LINES;
  return left <= 0 ? lines : [...lines.slice(0, MAX_LINES - 1), `… ${left + 1} more`];
}

/** Without the domain of its operator set: `com.microsoft:QGemm dense` is `QGemm dense`. */
function titleOf({ title }: Group): string {
  return title.replace(/^[^ ]*:/, "") || "(no name)";
}

function drawingOf(groups: readonly Group[], ends: GraphEnds): { nodes: BoxNode[]; edges: Edge[] } {
  const home = new Map(groups.flatMap(({ id, instructions }) => instructions.map(([k]) => [k, id] as const)));
  const edges = new Map<string, Edge>();
  const inputs = new Set<number>();
  for (const { id, instructions } of groups)
    for (const [, { operands }] of instructions)
      for (const { source, id: operand } of operands) {
        if (source === "constant") continue;
        if (source === "input") inputs.add(operand);
        const from = source === "input" ? `input${operand}` : home.get(operand);
        if (from === undefined || from === id) continue;
        edges.set(`${from}-${id}`, { id: `${from}-${id}`, source: from, target: id, focusable: false });
      }
  const outputs = ends.outputs.map(({ instruction, text }, i) => ({
    id: `output${i}`,
    from: home.get(instruction),
    text,
  }));
  for (const { id, from } of outputs)
    if (from !== undefined)
      edges.set(`${from}-${id}`, { id: `${from}-${id}`, source: from, target: id, focusable: false });
  const boxes = [
    ...[...inputs].map((i) => ({
      id: `input${i}`,
      data: { title: "input", lines: [ends.inputs[i] ?? `input ${i}`], kind: "end" as const },
    })),
    ...groups.map((group) => ({
      id: group.id,
      data: { title: titleOf(group), lines: linesOf(group), kind: "operator" as const },
    })),
    ...outputs.map(({ id, text }) => ({
      id,
      data: { title: "output", lines: [text], kind: "end" as const },
    })),
  ];
  const drawn = new LayoutGraph<GraphLabel, NodeLabel, object>()
    .setGraph({ rankdir: "TB", nodesep: 24, ranksep: 26 })
    .setDefaultEdgeLabel(() => ({}));
  for (const { id, data } of boxes)
    drawn.setNode(id, { width: WIDTH, height: HEAD + LINE * data.lines.length });
  for (const { source, target } of edges.values()) drawn.setEdge(source, target);
  layout(drawn);
  const nodes = boxes.map(({ id, data }): BoxNode => {
    const { x = 0, y = 0, height } = drawn.node(id);
    const label = `${data.title}, ${data.lines.join("; ")}`;
    return {
      id,
      type: "box",
      data,
      position: { x: x - WIDTH / 2, y: y - height / 2 },
      width: WIDTH,
      height,
      ariaLabel: label,
    };
  });
  return { nodes, edges: [...edges.values()] };
}

/** All of it if that can be read, else its top. */
function settle(flow: ReactFlowInstance<BoxNode>, frame: HTMLElement): void {
  const { x, y, width, height } = flow.getNodesBounds(flow.getNodes());
  const [wide, high] = [frame.clientWidth - 2 * MARGIN, frame.clientHeight - 2 * MARGIN];
  const zoom = Math.min(1, Math.max(MIN_ZOOM, Math.min(wide / width, high / height)));
  const left = Math.max(MARGIN, (frame.clientWidth - width * zoom) / 2);
  void flow.setViewport({ x: left - x * zoom, y: MARGIN - y * zoom, zoom });
}

export function Graph({ outline, inputs, outputs }: { outline: Outline } & GraphEnds): ReactNode {
  const frame = useRef<HTMLDivElement>(null);
  const groups = useMemo(() => groupsOf(outline), [outline]);
  const drawing = useMemo(
    () => (groups.length <= MAX_BOXES ? drawingOf(groups, { inputs, outputs }) : undefined),
    [groups, inputs, outputs],
  );
  const [list, setList] = useState(drawing === undefined);
  return (
    <>
      {drawing !== undefined && (
        <div className="graph" ref={frame} role="group" aria-label="Graph of the program">
          <ReactFlow
            nodes={drawing.nodes}
            edges={drawing.edges}
            nodeTypes={NODE_TYPES}
            onInit={(flow) => frame.current !== null && settle(flow, frame.current)}
            minZoom={0.1}
            nodesDraggable={false}
            nodesConnectable={false}
            elementsSelectable={false}
            nodesFocusable={false}
            preventScrolling={false}
            proOptions={{ hideAttribution: true }}
          >
            <Background gap={24} />
            <Controls showInteractive={false} />
          </ReactFlow>
        </div>
      )}
      <button type="button" onClick={() => setList(!list)} aria-expanded={list}>
        {list ? "Hide the instructions" : "List the instructions"}
      </button>
      {list && (
        <Table
          caption="Instructions"
          head={["", "ONNX node", "Computes", "Tensor", "Reads"]}
          empty="None."
          rows={outline.instructions
            .slice(0, 500)
            .map(({ operator, operation, dtype, shape, operands }, k) => ({
              key: String(k),
              cells: [
                k,
                operator,
                operation,
                <span key="t" className="mono">{`${dtype}[${shape.join(", ")}]`}</span>,
                operands
                  .map(({ source, id }) => (source === "instruction" ? String(id) : `${source} ${id}`))
                  .join(", "),
              ],
            }))}
        />
      )}
      {list && outline.instructions.length > 500 && (
        <p className="hint">The first 500 of {outline.instructions.length}.</p>
      )}
    </>
  );
}
