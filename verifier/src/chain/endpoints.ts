/** The chain behind several JSON-RPC endpoints, none of which is trusted alone where it decides money. */
import { setTimeout as sleep } from "node:timers/promises";
import { getBytes, keccak256, toQuantity } from "ethers";
import { z } from "zod/v4";
import { AssayError, messageOf, type ErrorContext } from "../../../sdk/src/error.ts";
import { isRpcError, type RpcErrorObject } from "../../../sdk/src/refusal.ts";
import { hex, quantity, toHex, wideQuantity, type Hex } from "../../../sdk/src/structs.ts";
import type { Logger } from "../log.ts";
import { canonical } from "./rpc/canonical.ts";
import { createEndpoint, type Ask, type Endpoint, type Reader } from "./rpc/endpoint.ts";
import { first } from "./rpc/first.ts";
import { insist } from "./rpc/insist.ts";
import { poll, type PollResult, type Vote } from "./rpc/poll.ts";
import { createRoster, type Head } from "./rpc/roster.ts";
import { EndpointError, type RpcAnswer } from "./rpc/transport.ts";

export interface EndpointsOptions {
  /** http, https, ws or wss; the first are preferred where nothing else decides. */
  readonly urls: readonly string[];
  readonly chainId: number;
  readonly log: Logger;
  /**
   * Endpoints that must agree on what decides money. Default: two where there are two or more; but then one that has failed for
   * half a minute on end counts no longer, so that the node goes on with those that are left. A number given is a demand.
   */
  readonly quorum?: number | undefined;
  /** For one answer of one endpoint, its last byte included. Default 15000. */
  readonly timeoutMs?: number;
  /** Default 32 MiB. */
  readonly maxResponseBytes?: number;
}

export interface EndpointStatus {
  /** Host and port: the rest of a URL often holds a key. */
  readonly endpoint: string;
  readonly healthy: boolean;
  readonly servesOtherChain: boolean;
  /** Milliseconds, on average of late. */
  readonly latencyMs: number | undefined;
  /** Newest block that it has told of. */
  readonly height: number | undefined;
  /** Since the start. */
  readonly failures: number;
}

export interface Endpoints {
  readonly chainId: number;
  /**
   * One endpoint's answer; the next is asked if it fails or is slow. What gas a call needs is asked of all: it is what as many find
   * enough as must agree. `error` is the chain's own word, a revert or a refused transaction; two endpoints must say so if there
   * are two.
   * @throws {AssayError} RPC_FAILED, TIMED_OUT, RANGE_TOO_LARGE (retryable), WRONG_CHAIN.
   */
  call(method: string, params: readonly unknown[]): Promise<RpcAnswer>;
  /**
   * As `call`, for the result alone. @param read Checks the result; what it throws is the endpoint's failure.
   * @throws {AssayError} Also RPC_FAILED, not retryable, for the chain's own word, with the JSON-RPC error as its cause.
   */
  send(method: string, params: readonly unknown[]): Promise<unknown>;
  send<T>(method: string, params: readonly unknown[], read: Reader<T>): Promise<T>;
  /** Gives a signed transaction to all endpoints. @returns its hash as soon as one has taken it. @throws {AssayError} as `send`. */
  broadcast(raw: Hex): Promise<Hex>;
  /**
   * What `quorum` endpoints say. null is no answer while another endpoint has one: that one is ahead.
   * @throws {AssayError} ENDPOINTS_DISAGREE (retryable), and as `send`.
   */
  agreed(method: string, params: readonly unknown[]): Promise<unknown>;
  agreed<T>(method: string, params: readonly unknown[], read: Reader<T>): Promise<T>;
  /** As `agreed`, of what several requests to one endpoint give together. @param label For logs. */
  vote<T>(label: string, ballot: (ask: Ask) => Promise<Vote<T>>): Promise<T>;
  /** The newest block that `quorum` endpoints have reached, each figure by itself. @throws {AssayError} as `vote`. */
  head(): Promise<Head>;
  /**
   * What `quorum` endpoints say at least, of an amount that need not be the same everywhere at one moment.
   * @param label For logs. @throws {AssayError} as `vote`.
   */
  reached(
    label: string,
    method: string,
    params: readonly unknown[],
    read: (result: unknown) => bigint,
  ): Promise<bigint>;
  /** Calls when a WebSocket endpoint tells of a new head. @returns the way to end that. */
  onHead(listener: () => void): () => void;
  status(): readonly EndpointStatus[];
  /** Votes since the start in which endpoints contradicted each other. */
  disagreements(): number;
  close(): void;
}

/** Where all are asked, endpoints that are slower than the others do not hold them up for longer. */
const PATIENCE_MS = 300;
const MIB = 2 ** 20;

const headSchema = z
  .object({
    number: quantity,
    timestamp: quantity,
    baseFeePerGas: wideQuantity.nullish(),
    // A chain without a limit may say any number.
    gasLimit: wideQuantity,
  })
  .transform(({ baseFeePerGas, gasLimit, ...block }): Head => {
    const most = Math.min(Number(gasLimit), Number.MAX_SAFE_INTEGER);
    return { ...block, baseFee: baseFeePerGas ?? 0n, gasLimit: most };
  });

/** Names without secrets, unique. */
function namesOf(urls: readonly string[]): string[] {
  const hosts = urls.map((url) => new URL(url).host);
  return hosts.map((host, i) => (hosts.indexOf(host) === i ? host : `${host}#${i + 1}`));
}

function failureOf(what: string, errors: readonly unknown[], chainId: number): AssayError {
  const own = errors.find((error) => error instanceof AssayError);
  if (own !== undefined) return own;
  const foreign = errors.find((error) => !(error instanceof EndpointError));
  if (foreign !== undefined)
    return new AssayError("RPC_FAILED", `${what}: ${messageOf(foreign)}`, { cause: foreign });
  const failures = errors.filter((error) => error instanceof EndpointError);
  const kinds = failures.map(({ kind }) => kind);
  const last = failures.at(-1);
  const refused = failures.find(({ kind }) => kind === "answer" || kind === "known");
  const context: ErrorContext = {
    retryable: true,
    details: { kinds },
    cause: refused?.rpc ?? last ?? errors[0],
  };
  if (refused !== undefined)
    return new AssayError("RPC_FAILED", `${what}: ${refused.message}`, { ...context, retryable: false });
  if (kinds.length > 0 && kinds.every((kind) => kind === "foreign"))
    return new AssayError("WRONG_CHAIN", `no RPC endpoint serves chain ${chainId}: use others`, {
      details: { kinds },
    });
  if (kinds.includes("range"))
    return new AssayError("RANGE_TOO_LARGE", `${what}: the endpoints want a shorter range`, context);
  if (kinds.length > 0 && kinds.every((kind) => kind === "timeout"))
    return new AssayError("TIMED_OUT", `${what}: no RPC endpoint answered in time`, context);
  return new AssayError("RPC_FAILED", `${what}: ${last?.message ?? "no RPC endpoint answered"}`, context);
}

/** The chain's own word in an error of `send`. */
function wordOf(error: unknown): RpcErrorObject | undefined {
  return error instanceof AssayError && !error.retryable && isRpcError(error.cause) ? error.cause : undefined;
}

/** A chain that moved, and a range that is too long, are nobody's fault. */
function isInnocent(error: unknown): boolean {
  return error instanceof AssayError || (error instanceof EndpointError && error.kind === "range");
}

/** One endpoint alone may say what it likes; of several, the one that is `needed`th. @param said Best endpoint first. */
function nth<T extends number | bigint>(
  needed: number,
  said: readonly T[],
  compare: (a: T, b: T) => number,
): T {
  const value = (needed > 1 ? said.toSorted(compare) : said)[needed - 1];
  if (value === undefined) throw new Error(`fewer than ${needed} answers`);
  return value;
}

/** `needed` say at least this. */
function reachedBy<T extends number | bigint>(needed: number, said: readonly T[]): T {
  return nth(needed, said, (a, b) => (a < b ? 1 : a > b ? -1 : 0));
}

/** `needed` say at most this: for what must not be too little. */
function enoughFor<T extends number | bigint>(needed: number, said: readonly T[]): T {
  return nth(needed, said, (a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The chain's own word. */
function isRefusal(error: unknown): error is EndpointError {
  return error instanceof EndpointError && error.kind === "answer";
}

function same(result: unknown): unknown {
  return result;
}

/** @throws {AssayError} BAD_CONFIG if there is no URL, or the quorum is not between 1 and their number. */
export function createEndpoints(options: EndpointsOptions): Endpoints {
  const { urls, chainId, log, timeoutMs = 15_000, maxResponseBytes = 32 * MIB } = options;
  const quorum = options.quorum ?? Math.min(2, urls.length);
  if (urls.length === 0 || quorum < 1 || quorum > urls.length)
    throw new AssayError("BAD_CONFIG", `${quorum} RPC endpoints must agree, but there are ${urls.length}`);
  const names = namesOf(urls);
  const endpoints = urls.map((url, i) =>
    createEndpoint({ url, name: names[i] ?? "", chainId, log, timeoutMs, maxResponseBytes }),
  );
  const roster = createRoster(endpoints, quorum, options.quorum !== undefined, log);
  const listeners = new Set<() => void>();
  const disagreeing = new Set<string>();
  let disagreements = 0;

  /** A lie about a revert would keep us from a move: one endpoint's word is not enough. */
  function isFinal(errors: readonly unknown[]): boolean {
    const refusals = errors.filter(isRefusal);
    return (
      refusals.length >= Math.min(2, quorum) || errors.some((error) => !(error instanceof EndpointError))
    );
  }

  function send(method: string, params: readonly unknown[]): Promise<unknown>;
  function send<T>(method: string, params: readonly unknown[], read: Reader<T>): Promise<T>;
  async function send(
    method: string,
    params: readonly unknown[],
    read: Reader<unknown> = same,
  ): Promise<unknown> {
    if (method === "eth_sendRawTransaction") return read(await broadcast(hex.parse(params[0])));
    if (method === "eth_estimateGas") return read(toQuantity(await estimate(params)));
    try {
      return await first(roster.order(), ({ ask }) => ask(method, params, read), isFinal);
    } catch (error) {
      throw failureOf(method, error instanceof AggregateError ? error.errors : [error], chainId);
    }
  }

  async function broadcast(raw: Hex): Promise<Hex> {
    const errors: unknown[] = [];
    const give = async (endpoint: Endpoint): Promise<void> => {
      try {
        await endpoint.ask("eth_sendRawTransaction", [raw], () => undefined);
      } catch (error) {
        if (error instanceof EndpointError && error.kind === "known") return;
        errors.push(error);
        throw error;
      }
    };
    try {
      await Promise.any(endpoints.map(give));
    } catch {
      throw failureOf("eth_sendRawTransaction", errors, chainId);
    }
    return toHex(getBytes(keccak256(raw)));
  }

  function noteDissent<T>(label: string, { winner, ballots }: PollResult<T>): void {
    const dissent =
      winner === undefined ? ballots.size > 1 : ballots.size > (winner.key === undefined ? 0 : 1);
    if (!dissent) {
      if (winner !== undefined) disagreeing.delete(label);
      return;
    }
    disagreements++;
    for (const [key, by] of ballots)
      if (winner !== undefined && key !== winner.key)
        for (const endpoint of by) endpoint.blame(new EndpointError("outvoted", `outvoted on ${label}`));
    if (disagreeing.has(label)) return;
    disagreeing.add(label);
    const camps = [...ballots.values()].map((by) => by.map(({ name }) => name));
    log.warn({ about: label, camps }, "RPC endpoints contradict each other");
  }

  async function vote<T>(label: string, ballot: (ask: Ask) => Promise<Vote<T>>): Promise<T> {
    const hear = async (endpoint: Endpoint): Promise<Vote<T>> => {
      try {
        const given = await ballot(endpoint.ask);
        roster.note(label, endpoint, true);
        return given;
      } catch (error) {
        if (error instanceof EndpointError && error.kind === "garbage") endpoint.blame(error);
        if (!isInnocent(error)) roster.note(label, endpoint, false);
        throw error;
      }
    };
    const result = await poll(roster.order(), roster.need(label), hear);
    for (const endpoint of roster.forgotten(label)) void hear(endpoint).catch(() => undefined);
    noteDissent(label, result);
    if (result.winner !== undefined) return result.winner.value;
    if (result.ballots.size > 1)
      throw new AssayError("ENDPOINTS_DISAGREE", `${label}: too few RPC endpoints agree`, {
        retryable: true,
      });
    if (result.errors.length > 0) throw failureOf(label, result.errors, chainId);
    throw new AssayError("RPC_FAILED", `${label}: too few RPC endpoints have it yet`, { retryable: true });
  }

  function agreed(method: string, params: readonly unknown[]): Promise<unknown>;
  function agreed<T>(method: string, params: readonly unknown[], read: Reader<T>): Promise<T>;
  function agreed(
    method: string,
    params: readonly unknown[],
    read: Reader<unknown> = same,
  ): Promise<unknown> {
    return vote(method, async (ask) => {
      const value = await ask(method, params, read);
      return { value, key: value === null || value === undefined ? undefined : canonical(value) };
    });
  }

  /**
   * Asks all that are ready. @returns the answers of as many as must agree, or more, best endpoint first.
   * @param least Where the others fail, so many will do.
   */
  async function survey<T>(
    label: string,
    needed: number,
    ask: (endpoint: Endpoint) => Promise<T>,
    least = needed,
  ): Promise<(readonly [Endpoint, T])[]> {
    const order = roster.order();
    const ready = order.filter(({ health }) => health.restsUntil() <= Date.now());
    const asked = ready.length < needed ? order : ready;
    const answers = new Map<Endpoint, T>();
    const errors: unknown[] = [];
    let enough: () => void = () => undefined;
    const soon = new Promise<void>((resolve) => (enough = resolve));
    const all = asked.map(async (endpoint) => {
      try {
        const answer = await insist(
          () => ask(endpoint),
          () => endpoint.isLimited(),
        );
        answers.set(endpoint, answer);
        if (answers.size >= needed) enough();
      } catch (error) {
        errors.push(error);
      }
      roster.note(label, endpoint, answers.has(endpoint));
    });
    const patience = soon.then(() => sleep(PATIENCE_MS, undefined, { ref: false }));
    await Promise.race([Promise.all(all), patience]);
    if (answers.size < least) throw failureOf(label, errors, chainId);
    return asked.flatMap((endpoint) => {
      const answer = answers.get(endpoint);
      return answer === undefined ? [] : [[endpoint, answer] as const];
    });
  }

  async function head(): Promise<Head> {
    const needed = roster.need("head");
    const latest = ["latest", false];
    const heads = await survey("head", needed, ({ ask }) =>
      ask("eth_getBlockByNumber", latest, (result) => headSchema.parse(result)),
    );
    roster.noteHeads(new Map(heads));
    const said = heads.map(([, each]) => each);
    const reach = <T extends number | bigint>(figure: (each: Head) => T): T =>
      reachedBy(needed, said.map(figure));
    return {
      number: reach(({ number }) => number),
      timestamp: reach(({ timestamp }) => timestamp),
      baseFee: reach(({ baseFee }) => baseFee),
      gasLimit: enoughFor(
        needed,
        said.map(({ gasLimit }) => gasLimit),
      ),
    };
  }

  async function reached(
    label: string,
    method: string,
    params: readonly unknown[],
    read: (result: unknown) => bigint,
  ): Promise<bigint> {
    // Heads are asked for all the time: who fails there is known to be down before it is missed here.
    const needed = Math.min(roster.need(label), roster.need("head"));
    const answers = await survey(label, needed, ({ ask }) => ask(method, params, read));
    return reachedBy(
      needed,
      answers.map(([, amount]) => amount),
    );
  }

  /** Gas that a call needs. A liar among several can neither make it too little nor, of three, too much. */
  async function estimate(params: readonly unknown[]): Promise<bigint> {
    const method = "eth_estimateGas";
    const needed = roster.need("head");
    // Where others fail, one that answers will do: what comes of it is bounded, and mended while the transaction waits.
    const answers = await survey(
      method,
      needed,
      ({ ask }) =>
        ask(method, params, (result) => wideQuantity.parse(result)).catch((error: unknown) => {
          if (isRefusal(error)) return error;
          throw error;
        }),
      1,
    );
    const said = answers.map(([, answer]) => answer).slice(0, needed > 1 ? undefined : 1);
    const amounts = said.filter((answer) => typeof answer === "bigint");
    const refusals = said.filter(isRefusal);
    if (amounts.length === 0 || isFinal(refusals)) throw failureOf(method, refusals, chainId);
    return enoughFor(Math.min(needed, amounts.length), amounts);
  }

  return {
    chainId,
    send,
    broadcast,
    agreed,
    vote,
    head,
    reached,
    async call(method, params) {
      try {
        return { result: await send(method, params) };
      } catch (error) {
        const word = wordOf(error);
        if (word === undefined) throw error;
        return { error: word };
      }
    },
    onHead(listener) {
      if (listeners.size === 0)
        for (const endpoint of endpoints) endpoint.watch(() => listeners.forEach((each) => each()));
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    status: () =>
      endpoints.map((endpoint) => ({
        endpoint: endpoint.name,
        healthy: endpoint.health.restsUntil() <= Date.now(),
        servesOtherChain: endpoint.isForeign(),
        latencyMs: endpoint.health.latencyMs(),
        height: endpoint.height,
        failures: endpoint.health.failures(),
      })),
    disagreements: () => disagreements,
    close() {
      for (const endpoint of endpoints) endpoint.close();
    },
  };
}
