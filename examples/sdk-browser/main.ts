/** Reads a digit off a drawing, through the browser's wallet. */
import {
  AssayError,
  connectAssay,
  decodeOutput,
  encodeInput,
  imageTensor,
  parseDeployment,
  parseSignature,
  type Assay,
  type Hex,
} from "@assay/sdk";
import { pixelsOf } from "@assay/sdk/browser";
import { BrowserProvider } from "ethers";
import json from "./signature.json";

const signature = parseSignature(json);

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${id}`);
  return found;
}

const canvas = element("drawing", HTMLCanvasElement);
const button = element("ask", HTMLButtonElement);
const status = element("status", HTMLElement);
const events = element("events", HTMLUListElement);
const pen = canvas.getContext("2d");
if (pen === null) throw new Error("no canvas");

function clear(): void {
  pen?.reset();
}
element("clear", HTMLButtonElement).addEventListener("click", clear);
canvas.addEventListener("pointermove", (event) => {
  if (event.buttons === 0) return;
  [pen.lineWidth, pen.lineCap] = [canvas.width / 8, "round"];
  pen.beginPath();
  pen.moveTo(event.offsetX - event.movementX, event.offsetY - event.movementY);
  pen.lineTo(event.offsetX, event.offsetY);
  pen.stroke();
});

/** The page's own `config.json`: {"releaseId": "0x...", "deployment": {...}} with what `npm run deploy` wrote. */
async function settings(): Promise<{ releaseId: Hex; deployment: ReturnType<typeof parseDeployment> }> {
  const config: unknown = await (await fetch("config.json")).json();
  if (typeof config !== "object" || config === null || !("releaseId" in config) || !("deployment" in config))
    throw new Error("config.json lacks releaseId or deployment");
  return {
    releaseId: `0x${String(config.releaseId).slice(2)}`,
    deployment: parseDeployment(config.deployment),
  };
}

async function follow(assay: Assay, requestId: Hex, from: number, signal: AbortSignal): Promise<void> {
  for await (const { kind, event } of assay.watch({ requestId }, { from, signal, pollSeconds: 1 })) {
    const item = document.createElement("li");
    item.textContent = kind === "happened" ? event.name : `${event.name}, undone`;
    events.append(item);
  }
}

function digitOf(output: Uint8Array): number {
  const logits = Array.from<number | bigint>(decodeOutput(signature, output)["logits"] ?? []).map(Number);
  return logits.indexOf(Math.max(...logits));
}

async function ask(): Promise<void> {
  const { releaseId, deployment } = await settings();
  const wallet = await BrowserProvider.discover({ anyProvider: true });
  if (wallet === null) throw new Error("this browser has no wallet");
  const assay = await connectAssay(await wallet.getSigner(), deployment);
  await assay.release(releaseId, signature);

  const [spec] = signature.inputs;
  if (spec === undefined) throw new Error("the signature has no input");
  // Ink on paper: 0 for white, 16 for black.
  const drawn = pixelsOf(canvas, canvas.width, canvas.height);
  const input = encodeInput(signature, {
    [spec.name]: imageTensor(spec, drawn, { scale: -16 / 255, mean: -16 }),
  });
  status.textContent = "Sign the request in your wallet.";
  const pending = await assay.request({ releaseId, input });
  const ended = new AbortController();
  void follow(assay, pending.requestId, pending.block, ended.signal);
  status.textContent = "Asked.";
  const early = await pending.provisional();
  status.textContent = `It looks like ${digitOf(early.output)}; anyone may still challenge that.`;
  const answer = await pending.final();
  const { standing, final } = await assay.check(pending, answer);
  if (standing && final) status.textContent = `It is ${digitOf(answer.output)}.`;
  ended.abort();
}

button.addEventListener("click", () => {
  button.disabled = true;
  ask()
    .catch((error: unknown) => {
      status.textContent = error instanceof AssayError ? `${error.code}: ${error.message}` : String(error);
    })
    .finally(() => (button.disabled = false));
});
status.textContent = "Ready.";
