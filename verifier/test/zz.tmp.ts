import { openStand, playDispute } from "./killing.ts";
import { expectRight } from "./kill.ts";
const side = process.argv[2] as "challenger" | "operator";
const t = Date.now();
const stand = await openStand(side);
console.log("stand", Date.now() - t);
try {
  const o = await playDispute(stand, undefined);
  console.log(
    Date.now() - t,
    o.fired,
    o.moves.map((m) => m.key.split(":")[0] + ":" + m.success + ":" + m.block).join(" "),
    o.free,
    o.locked,
    o.exit,
    o.trial.result.verdict,
  );
  console.log(JSON.stringify(o.seen));
  expectRight(side, o);
} catch (e) {
  console.log(e);
} finally {
  await stand.stop();
}
process.exit(0);
