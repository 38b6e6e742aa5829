/** What a node takes for its work, on real chains and real files. */
import { measureEventLoop } from "./eventLoop.ts";
import type { Figure } from "./figure.ts";
import { measureFollow } from "./follow.ts";
import { measureInfer } from "./infer.ts";
import { measureProcess } from "./process.ts";
import { measureScreening } from "./screening.ts";

/** By name: `npm run bench -- --node NAME...`. @param quick Small sizes, to see that it works. */
export const NODE_BENCHES: Readonly<Record<string, (quick: boolean) => Promise<readonly Figure[]>>> = {
  follow: (quick) => (quick ? measureFollow(2000) : measureFollow()),
  screening: (quick) => (quick ? measureScreening({ turns: 1, turnMs: 300 }) : measureScreening()),
  infer: (quick) => (quick ? measureInfer({ turns: 1, answers: 40 }) : measureInfer()),
  process: (quick) => (quick ? measureProcess({ events: 2000, idleMs: 2000 }) : measureProcess()),
  eventLoop: (quick) => (quick ? measureEventLoop({ pixels: 32, inferences: 2 }) : measureEventLoop()),
};
