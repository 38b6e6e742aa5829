/** One endpoint: checked to serve our chain before it is asked anything, rested after failures, woken by a probe. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../../../sdk/src/error.ts";
import { refusalOf, type Refusal } from "../../../../sdk/src/refusal.ts";
import type { Logger } from "../../log.ts";
import { createHealth, type Health } from "./health.ts";
import { openTransport } from "./open.ts";
import { EndpointError, isObject, type FailureKind, type Transport } from "./transport.ts";

/** Makes of a result what is asked for; throws if it is not what the method returns. */
export type Reader<T> = (result: unknown) => T | Promise<T>;

/** When, milliseconds. */
export interface Failing {
  readonly sinceMs: number;
  /** It was asked the last time. */
  readonly triedMs: number;
}

/** @param maxBytes Of the answer. @throws {EndpointError} `range` if it is longer. */
export type Ask = <T>(
  method: string,
  params: readonly unknown[],
  read: Reader<T>,
  maxBytes?: number,
) => Promise<T>;

export interface Endpoint {
  /** Host and port: the rest of a URL often holds a key. */
  readonly name: string;
  readonly health: Health;
  /** Newest block that it has told of. */
  height: number | undefined;
  /** What it fails to vote on. */
  readonly unable: Map<string, Failing>;
  isForeign(): boolean;
  /** It wants fewer requests; those that come now wait. */
  isLimited(): boolean;
  readonly ask: Ask;
  /** It gave an answer that cannot be right. */
  blame(error: EndpointError): void;
  /** Keeps a WebSocket open from now on and tells of new heads; elsewhere nothing. */
  watch(onHead: () => void): void;
  close(): void;
}

export interface EndpointOptions {
  readonly url: string;
  readonly name: string;
  readonly chainId: number;
  readonly log: Logger;
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
}

/** A foreign endpoint is asked again after this: somebody may have mended its settings. */
const FOREIGN_REST_MS = 60_000;
/** Failures in a row that are worth a line in the log. */
const REPORT_STREAK = 3;
const HARMLESS: ReadonlySet<FailureKind> = new Set(["range", "behind", "unsupported", "answer", "known"]);

export function createEndpoint(options: EndpointOptions): Endpoint {
  const { url, name, chainId, log, timeoutMs, maxResponseBytes } = options;
  const health = createHealth();
  const unsupported = new Set<string>();
  const transport: Transport = openTransport(url, maxResponseBytes, () => lost());
  const limits = { timeoutMs, maxBytes: maxResponseBytes };
  let checked: Promise<void> | undefined;
  let foreign = false;
  let reported = false;
  let probing: NodeJS.Timeout | undefined;
  let limitedUntil = 0;
  let onHead: (() => void) | undefined;
  let closed = false;

  const endpoint: Endpoint = {
    name,
    health,
    height: undefined,
    unable: new Map(),
    isForeign: () => foreign,
    isLimited: () => limitedUntil > Date.now(),
    ask,
    blame: (error) => failed(error),
    watch(listener) {
      onHead = listener;
      if (transport.subscribe !== undefined) void check().catch(() => undefined);
    },
    close() {
      closed = true;
      clearTimeout(probing);
      transport.close();
    },
  };

  function failed(error: EndpointError): void {
    if (closed || HARMLESS.has(error.kind)) return;
    const restMs = error.kind === "foreign" ? FOREIGN_REST_MS : error.retryAfterMs;
    health.failed(Date.now(), restMs);
    if (error.kind === "limited") limitedUntil = health.restsUntil();
    // Behind the same address there may be another server, or chain, when it comes back.
    if (error.kind !== "limited" && error.kind !== "outvoted") checked = undefined;
    if (!reported && (health.streak() >= REPORT_STREAK || error.kind === "foreign")) {
      reported = true;
      log.warn({ endpoint: name, kind: error.kind, reason: error.message }, "an RPC endpoint rests");
    }
    probing ??= setTimeout(() => void probe(), Math.max(0, health.restsUntil() - Date.now())).unref();
  }

  /** After a rest: does it answer again? */
  async function probe(): Promise<void> {
    probing = undefined;
    if (closed || health.restsUntil() === 0) return;
    try {
      await check();
      health.woke();
    } catch {
      // It rests on.
    }
  }

  function succeeded(tookMs: number): void {
    health.succeeded(tookMs);
    if (!reported) return;
    reported = false;
    log.info({ endpoint: name }, "an RPC endpoint is well again");
  }

  /** The connection of a watched WebSocket is opened again, soon. */
  function lost(): void {
    checked = undefined;
    if (onHead !== undefined) failed(new EndpointError("unreachable", "connection lost"));
  }

  function check(): Promise<void> {
    checked ??= verify().catch((error: unknown) => {
      checked = undefined;
      if (error instanceof EndpointError) failed(error);
      throw error;
    });
    return checked;
  }

  async function verify(): Promise<void> {
    const answer = await transport.request("eth_chainId", [], limits);
    if ("error" in answer) throw refusal("eth_chainId", [], answer.error);
    const served = Number(answer.result);
    if (!Number.isSafeInteger(served)) throw new EndpointError("garbage", "eth_chainId is no number");
    foreign = served !== chainId;
    if (foreign) throw new EndpointError("foreign", `it serves chain ${served}, not ${chainId}`);
    unsupported.clear();
    if (onHead !== undefined) await transport.subscribe?.(noteHead, limits).catch(() => undefined);
  }

  function noteHead(header: unknown): void {
    const number = isObject(header) ? Number(header["number"]) : NaN;
    if (Number.isSafeInteger(number)) endpoint.height = number;
    onHead?.();
  }

  function refusal(
    method: string,
    params: readonly unknown[],
    rpc: Parameters<typeof refusalOf>[2],
  ): EndpointError {
    const kind: Refusal = refusalOf(method, params, rpc);
    if (kind === "unsupported") unsupported.add(method);
    return new EndpointError(kind, `${rpc.code} ${rpc.message.slice(0, 200)}`, { rpc });
  }

  async function request<T>(
    method: string,
    params: readonly unknown[],
    read: Reader<T>,
    maxBytes: number,
  ): Promise<T> {
    const answer = await transport.request(method, params, { timeoutMs, maxBytes });
    if ("error" in answer) throw refusal(method, params, answer.error);
    try {
      return await read(answer.result);
    } catch (error) {
      if (error instanceof EndpointError) throw error;
      throw new EndpointError("garbage", `not a result of ${method}: ${messageOf(error).slice(0, 200)}`);
    }
  }

  async function ask<T>(
    method: string,
    params: readonly unknown[],
    read: Reader<T>,
    maxBytes = maxResponseBytes,
  ): Promise<T> {
    if (unsupported.has(method)) throw new EndpointError("unsupported", `it does not offer ${method}`);
    if (foreign && Date.now() < health.restsUntil())
      throw new EndpointError("foreign", `it does not serve chain ${chainId}`);
    const wait = limitedUntil - Date.now();
    if (wait > timeoutMs) throw new EndpointError("limited", "too many requests");
    if (wait > 0) await sleep(wait);
    await check();
    const start = performance.now();
    try {
      const result = await request(method, params, read, maxBytes);
      succeeded(performance.now() - start);
      return result;
    } catch (error) {
      if (error instanceof EndpointError)
        if (HARMLESS.has(error.kind)) succeeded(performance.now() - start);
        else failed(error);
      throw error;
    }
  }

  return endpoint;
}
