/** RPC endpoints: whether they can be relied on, alone and together. */
import type { Provider } from "ethers";
import { z } from "zod/v4";
import type { Deployment } from "../../../sdk/src/deployment.ts";
import { messageOf } from "../../../sdk/src/error.ts";
import { createEndpoints, type Endpoints } from "../chain/endpoints.ts";
import { createProvider } from "../chain/provider.ts";
import { createLogger } from "../log.ts";
import { askEndpoint, hostOf, isLoopback, type EndpointInfo } from "../setup/endpoint.ts";
import { fail, ok, warn, type Finding } from "./finding.ts";

export interface EndpointFacts {
  readonly host: string;
  /** Whether somebody on the way could change its answers. */
  readonly plain: boolean;
  readonly info: EndpointInfo | undefined;
  readonly error: string | undefined;
  /** Contracts of the deployment that it has no code of. */
  readonly missing: readonly string[];
  /** Blocks from the deployment to its newest, and how many of them one query for logs may span. */
  readonly blocks: number;
  readonly logSpan: number;
}

/** Below this, catching up takes too many queries. */
const SMALL_SPAN = 1000;
const MANY_BLOCKS = 10_000;
const SLOW_MS = 1000;
/** Endpoints of one chain are seldom further apart than this, blocks. */
const FAR_APART = 5;
/** Seconds that the newest block may be in the future of this machine's clock, and in its past. */
const AHEAD_SECONDS = 15;
const OLD_SECONDS = 180;

/** One endpoint of a known chain; what is wrong with it is for its findings to say, not for a log. */
function openEndpoint(url: string, chainId: number): Endpoints {
  return createEndpoints({ urls: [url], chainId, log: createLogger("silent", 2, false) });
}

/** The widest range, from all blocks down by halves, that one query for the market's logs may span. */
async function logSpan(provider: Provider, { block, addresses }: Deployment, head: number): Promise<number> {
  for (let span = head - block + 1; span >= 1; span = Math.floor(span / 2)) {
    try {
      await provider.getLogs({ address: addresses.market, fromBlock: head - span + 1, toBlock: head });
      return span;
    } catch {
      // A narrower one may be allowed.
    }
  }
  return 0;
}

async function missingContracts(provider: Provider, { addresses }: Deployment): Promise<string[]> {
  const codes = await Promise.all(
    Object.entries(addresses).map(async ([name, at]) => [name, await provider.getCode(at)] as const),
  );
  return codes.filter(([, code]) => code === "0x").map(([name]) => name);
}

export async function measureEndpoint(url: string, deployment: Deployment): Promise<EndpointFacts> {
  const base = { host: hostOf(url), plain: /^(http|ws):/i.test(url) && !isLoopback(url) };
  const endpoints = openEndpoint(url, deployment.chainId);
  const provider = createProvider(endpoints);
  try {
    const info = await askEndpoint(url);
    const foreign = info.chainId !== deployment.chainId;
    return {
      ...base,
      info,
      error: undefined,
      missing: foreign ? [] : await missingContracts(provider, deployment),
      blocks: Math.max(0, info.height - deployment.block + 1),
      logSpan: foreign ? 0 : await logSpan(provider, deployment, info.height),
    };
  } catch (error) {
    return { ...base, info: undefined, error: messageOf(error), missing: [], blocks: 0, logSpan: 0 };
  } finally {
    provider.destroy();
    endpoints.close();
  }
}

/** @param now This machine's time, unix seconds. */
export function judgeEndpoint(facts: EndpointFacts, chainId: number, now: number): Finding[] {
  const { host, info, error, missing } = facts;
  const check = `endpoint ${host}`;
  if (info === undefined)
    return [
      fail(check, error ?? "no answer", "check the address and its key, or configure another endpoint (rpc)"),
    ];
  if (info.chainId !== chainId)
    return [
      fail(
        check,
        `serves chain ${info.chainId}, the deployment is on chain ${chainId}`,
        "configure an endpoint of the right chain (rpc), or another deployment",
      ),
    ];
  if (missing.length > 0)
    return [
      fail(
        check,
        `no code at the address of ${missing.join(", ")}`,
        "a local chain that was restarted has forgotten the deployment: deploy again; otherwise name the right file (deployment)",
      ),
    ];
  const age = now - info.timestamp;
  const findings = [
    info.latencyMs > SLOW_MS
      ? warn(
          check,
          `block ${info.height}, ${info.latencyMs} ms for one answer`,
          "moves wait for answers: use a nearer endpoint",
        )
      : ok(check, `chain ${info.chainId}, block ${info.height}, ${info.latencyMs} ms`),
  ];
  if (facts.plain)
    findings.push(warn(check, "unencrypted: whoever is on the way can lie to the node", "use https or wss"));
  if (facts.logSpan === 0)
    findings.push(fail(check, "refuses to serve logs", "a node lives on logs: use another endpoint"));
  else if (facts.logSpan < SMALL_SPAN && facts.blocks > MANY_BLOCKS)
    findings.push(
      warn(
        check,
        `serves logs of ${facts.logSpan} blocks at a time, of ${facts.blocks}`,
        "catching up will be slow: use an endpoint with wider ranges",
      ),
    );
  if (age < -AHEAD_SECONDS)
    findings.push(
      fail(
        check,
        `its newest block is ${-age} s in the future`,
        "this machine's clock is slow: keep it by NTP (timedatectl set-ntp true)",
      ),
    );
  else if (age > OLD_SECONDS)
    findings.push(
      warn(
        check,
        `its newest block is ${age} s old`,
        "the endpoint lags, this machine's clock is fast, or nobody makes blocks: a node takes the time from blocks (anvil --block-time 1)",
      ),
    );
  return findings;
}

/** Whether endpoints of the right chain are at the same height. */
export function judgeAgreement(all: readonly EndpointFacts[], chainId: number): Finding[] {
  const heights = all.flatMap(({ info }) => (info?.chainId === chainId ? [info.height] : []));
  if (new Set(all.map(({ host }) => host)).size === 1)
    return [
      warn(
        "endpoints",
        "only one provider",
        "while it is down or lies, clocks run: configure several of different providers (rpc: [...])",
      ),
    ];
  if (heights.length === 0) return [];
  const apart = Math.max(...heights) - Math.min(...heights);
  return apart > FAR_APART
    ? [warn("endpoints", `their heights differ by ${apart} blocks`, "replace the one that lags")]
    : [ok("endpoints", `${heights.length} of ${all.length} answer, heights within ${apart} blocks`)];
}

/** Whether as many endpoints as must agree are there. @param quorum undefined: the node manages with those that work. */
export function judgeQuorum(
  all: readonly EndpointFacts[],
  chainId: number,
  quorum: number | undefined,
): Finding[] {
  if (quorum === undefined) return [];
  const check = "quorum";
  const working = all.filter(({ info, missing }) => info?.chainId === chainId && missing.length === 0).length;
  const found = `${quorum} of ${all.length} endpoints must agree, ${working} can be used`;
  if (working < quorum)
    return [
      fail(check, found, "a node that believes nothing loses clocks: lower quorum, or add endpoints (rpc)"),
    ];
  if (quorum === 1)
    return [warn(check, found, "one endpoint's lie is believed: configure several and quorum 2, or none")];
  return working === quorum
    ? [warn(check, found, "the node stops while one of them is down: add another endpoint (rpc)")]
    : [ok(check, found)];
}

const hash = z.object({ hash: z.string() });

/** Whether all endpoints have the same block at the height that all of them have. */
export async function sameChain(
  urls: readonly string[],
  facts: readonly EndpointFacts[],
  chainId: number,
): Promise<Finding[]> {
  const reached = facts.flatMap(({ info }) => (info?.chainId === chainId ? [info] : []));
  if (reached.length < 2) return [];
  // Far enough back that a difference is no passing reorganisation.
  const height = Math.max(0, Math.min(...reached.map((info) => info.height)) - 64);
  const hashes = await Promise.all(
    urls.map(async (url) => {
      const endpoints = openEndpoint(url, chainId);
      try {
        const block = ["eth_getBlockByNumber", [`0x${height.toString(16)}`, false]] as const;
        return await endpoints.send(...block, (result) => hash.parse(result).hash);
      } catch {
        return undefined;
      } finally {
        endpoints.close();
      }
    }),
  );
  const different = new Set(hashes.filter((found) => found !== undefined)).size;
  return different > 1
    ? [
        fail(
          "endpoints",
          `they disagree on block ${height}`,
          "one of them is on another chain or lies: find out which, and remove it",
        ),
      ]
    : [ok("endpoints", `the same block ${height}`)];
}
