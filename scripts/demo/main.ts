/**
 * Wrong AI answers, overturned by the EVM itself: `npm run demo`. Everything is real: a chain process, node processes of the
 * product, onnxruntime, encrypted keys. The last line is JSON; the exit code is 0 only if all of it happened on the chain.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startAnvil } from "../anvil.ts";
import { stopAll } from "./cast.ts";
import { throughTheDoor } from "./door.ts";
import { report } from "./report.ts";
import { setStage } from "./stage.ts";
import { tell } from "./story.ts";

const LIMIT_SECONDS = 180;
const started = Date.now();

function say(text: string): void {
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`${String(seconds).padStart(3)}s  ${text}`);
}

const directory = mkdtempSync(join(tmpdir(), "assay-demo-"));
const chain = await startAnvil({ blockSeconds: 1 });
let happened = false;
try {
  say(`A chain of its own runs at ${chain.url}, with the calldata floor of EIP-7623.`);
  const stage = await setStage(chain.url, directory, say);
  const story = await tell(stage, say, LIMIT_SECONDS);
  happened = await report(stage, story, await throughTheDoor(stage, say, LIMIT_SECONDS));
} catch (error) {
  console.error(error);
} finally {
  await stopAll();
  await chain.stop();
}
if (happened) rmSync(directory, { recursive: true, force: true });
else console.error(`The demo failed. The processes' logs are in ${directory}.`);
process.exit(happened ? 0 : 1);
