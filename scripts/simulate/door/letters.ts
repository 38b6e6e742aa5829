/** The client's way to operators: answers get lost on it, orders come twice, and all of it is written down. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Rng } from "../../../program/src/testing/rng.ts";
import { keccak } from "../../../sdk/src/ids.ts";
import {
  fetchExchange,
  peerFailed,
  type Exchange,
  type HttpAsk,
  type HttpSaid,
} from "../../../sdk/src/infer/exchange.ts";
import { fromHeader, HEADERS, paymentSchema, type Payment } from "../../../sdk/src/infer/wire.ts";

/** One order, as it was sent. */
export interface Letter {
  readonly ask: HttpAsk;
  readonly payment: Payment;
  /** What was answered, receipt, signature and output together: the same each time. */
  readonly answers: Set<string>;
}

export interface Letters {
  readonly exchange: Exchange;
  readonly sent: () => readonly Letter[];
  /** Answers that the client did not get. */
  readonly lost: () => number;
}

/** Shares of the orders. */
const LOST = 0.2;
const TWICE = 0.15;
const PATIENCE_MS = 20_000;
const AGAIN_MS = 1000;
const AT_ONCE = 4;

function textOf(said: HttpSaid): string {
  return `${said.header(HEADERS.response) ?? ""} ${keccak(said.body)}`;
}

/** @param troubled Whether anything goes wrong. */
export function createLetters(rng: Rng, troubled: () => boolean): Letters {
  const letters = new Map<string, Letter>();
  let lost = 0;

  function letterOf(ask: HttpAsk, header: string): Letter {
    const known = letters.get(header);
    if (known !== undefined) return known;
    const { payload: payment } = fromHeader(paymentSchema, HEADERS.payment, header);
    const letter: Letter = { ask, payment, answers: new Set() };
    letters.set(header, letter);
    return letter;
  }

  async function deliver(ask: HttpAsk, letter: Letter): Promise<HttpSaid> {
    const said = await fetchExchange(ask);
    if (said.status === 200) letter.answers.add(textOf(said));
    return said;
  }

  return {
    async exchange(ask) {
      const header = ask.headers?.[HEADERS.payment];
      if (header === undefined) return fetchExchange(ask);
      const letter = letterOf(ask, header);
      const [twice, loses] = [rng.chance(TWICE), rng.chance(LOST)];
      if (troubled() && twice) void deliver(ask, letter).catch(() => undefined);
      const said = await deliver(ask, letter);
      if (!troubled() || !loses) return said;
      lost++;
      throw peerFailed(ask.url, "the simulation lost the answer");
    },
    sent: () => [...letters.values()],
    lost: () => lost,
  };
}

export interface Asked {
  readonly letter: Letter;
  /** Undefined: no answer. */
  readonly again: string | undefined;
}

async function askAgain(letter: Letter): Promise<Asked> {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until;) {
    const said = await fetchExchange({ ...letter.ask, timeoutMs: PATIENCE_MS }).catch(() => undefined);
    if (said?.status === 200) return { letter, again: textOf(said) };
    // Who is busy answers later; who does not know the order refuses it for good.
    if (said !== undefined && said.status < 500 && said.status !== 429) break;
    await sleep(AGAIN_MS);
  }
  return { letter, again: undefined };
}

/** Sends every order that was answered once more, whatever has happened to its operator since. */
export async function askAllAgain(letters: Letters): Promise<Asked[]> {
  const answered = letters.sent().filter(({ answers }) => answers.size > 0);
  const asked: Asked[] = [];
  for (let at = 0; at < answered.length; at += AT_ONCE)
    asked.push(...(await Promise.all(answered.slice(at, at + AT_ONCE).map(askAgain))));
  return asked;
}
