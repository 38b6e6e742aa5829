/** `assay status`. */
import type { Command } from "commander";
import { AssayError, messageOf } from "../../../sdk/src/error.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ChainState } from "../chain/state.ts";
import { ether } from "../economics/ether.ts";
import { openClocks, type GameClock } from "../inspect/history.ts";
import { readEverything, readHistory, type Everything } from "../inspect/read.ts";
import { workOf, type Disputed, type Work } from "../inspect/work.ts";
import { askEndpoint, hostOf, type EndpointInfo } from "../setup/endpoint.ts";
import { askHealth, httpAddress, type NodeHealth } from "../setup/http.ts";
import { accountRows, readAccount, type AccountState } from "./account.ts";
import { DEFAULTS, type Config, type RoleName } from "./config.ts";
import { print, type Row } from "./output.ts";
import { profitData, profitRows, readProfit, sinceOf, type Profit } from "./profit.ts";
import { terminalProgress, type Progress } from "./progress.ts";
import { readReserve, reserveRows, type ReserveState } from "./reserveState.ts";
import { accountOf, idOf, openSession, withChain, type Session } from "./session.ts";
import { hasSigner } from "./signer.ts";
import { clockText, count, duration, time } from "../inspect/text.ts";

interface Game extends Disputed {
  readonly clock: GameClock;
}

/** What clients have put up for an operator's vouchers, and it has not redeemed. */
interface Deposits {
  readonly clients: number;
  readonly wei: bigint;
}

interface Endpoint {
  /** Scheme and host: the rest may hold a key. */
  readonly host: string;
  readonly info: EndpointInfo | undefined;
  readonly error: string | undefined;
}

async function readEndpoints({ rpc = DEFAULTS.rpc }: Config): Promise<Endpoint[]> {
  return Promise.all(
    rpc.map((url) =>
      askEndpoint(url).then(
        (info): Endpoint => ({ host: hostOf(url), info, error: undefined }),
        (error: unknown): Endpoint => ({ host: hostOf(url), info: undefined, error: messageOf(error) }),
      ),
    ),
  );
}

/** Open games in which an account takes part, with their clocks. */
async function readGames(session: Session, account: Hex, { disputed }: Work, now: number): Promise<Game[]> {
  const games: Game[] = [];
  for (const one of disputed) {
    const history = await readHistory(session, one.requestId);
    for (const clock of openClocks(history, now))
      if (one.as === "operator" || sameHex(clock.challenger, account)) games.push({ ...one, clock });
  }
  return games;
}

function depositsFor({ deposits }: ChainState, account: Hex): Deposits {
  const left = [...deposits.values()]
    .filter(({ operator }) => sameHex(operator, account))
    .map(({ depositWei, redeemedWei }) => depositWei - redeemedWei)
    .filter((wei) => wei > 0n);
  return { clients: left.length, wei: left.reduce((sum, wei) => sum + wei, 0n) };
}

async function readWork(
  session: Session,
  account: Hex,
  { state }: Everything,
  now: number,
): Promise<Work & { readonly games: readonly Game[] }> {
  const { config } = session;
  const role = config.role ?? DEFAULTS.role;
  const serve = config.serve?.map((id) => idOf(id, "a release")) ?? ("all" as const);
  const party = { account, serve, operator: role !== "verifier", verifier: role !== "operator" };
  const work = workOf(state, party, now);
  return { ...work, games: await readGames(session, account, work, now) };
}

function workRows(
  { requests, answers, challengeable, games, unsettled }: Awaited<ReturnType<typeof readWork>>,
  role: RoleName,
  now: number,
): Row[] {
  const deadline =
    requests.firstDeadline === undefined
      ? ""
      : `, the first for ${duration(requests.firstDeadline - now)} more`;
  const until =
    answers.lastEnd === undefined
      ? ""
      : `, ${ether(answers.bondsWei)} bonded; the last window ends ${time(answers.lastEnd)}`;
  const ripe = answers.finalizable > 0 ? `; ${answers.finalizable} can be made final` : "";
  return [
    ...(role === "verifier"
      ? []
      : ([
          [
            "open requests",
            `${requests.count} that this operator may answer, ${ether(requests.feesWei)} in fees${deadline}`,
          ],
          ["own answers", `${answers.count} provisional${until}${ripe}`],
        ] satisfies Row[])),
    ...(role === "operator"
      ? []
      : ([["others' answers", `${challengeable} can be challenged now`]] satisfies Row[])),
    ["open disputes", games.length],
    ...games.map(({ as, clock, court }): Row => [
      `  as ${as}`,
      `${clock.disputeId} ${clockText(clock)}${court === undefined ? "" : ", about a receipt"}`,
    ]),
    ...(unsettled > 0
      ? ([["to be settled", `${count(unsettled, "game")}: a running node collects`]] satisfies Row[])
      : []),
  ];
}

function endpointRow({ host, info, error }: Endpoint, now: number): Row {
  if (info === undefined) return ["endpoint", error ?? host];
  const late = Math.max(0, now - info.timestamp);
  return [
    "endpoint",
    `${host}: block ${info.height}${late > 0 ? `, ${duration(late)} behind` : ""}, ${info.latencyMs} ms`,
  ];
}

function nodeText(http: string, health: NodeHealth | string | undefined): string {
  if (http === "off") return 'unknown (its HTTP address is "off")';
  if (health === undefined) return `not running at ${http}`;
  if (typeof health === "string") return `${http}: ${health}`;
  return `${health.ready ? "running" : "starting, reading the chain"} at ${http}, ${(health.roles ?? []).join(" and ")}, block ${health.block ?? "?"}`;
}

/** @param deposits Undefined: events were not read. */
function receiptsRows(reserve: ReserveState, deposits: Deposits | undefined, role: RoleName): Row[] {
  const rows = reserveRows(reserve).filter(([label]) => label !== "account");
  const idle = reserve.reserveWei + (deposits?.wei ?? 0n) === 0n;
  if (role === "verifier" || idle)
    return [["receipts", `${ether(reserve.freeWei)} free in their vault, for challenges`]];
  return [
    ["receipts", ""],
    ...rows.map(([label, value]): Row => [`  ${label}`, value]),
    ...(deposits === undefined
      ? []
      : ([
          [
            "  deposits",
            `${ether(deposits.wei)} of ${count(deposits.clients, "client")}, for vouchers to redeem`,
          ],
        ] satisfies Row[])),
  ];
}

interface StatusFlags {
  readonly address?: string;
  readonly quick?: boolean;
  readonly since?: string;
  readonly json?: boolean;
}

/** The chain at one block, so that all figures are of the same time. */
async function headOf({ endpoints, provider }: Session): Promise<{ number: number; timestamp: number }> {
  const block = await provider.getBlock((await endpoints.head()).number);
  if (block === null)
    throw new AssayError("CHAIN_MOVED", "the newest block has gone: ask again", { retryable: true });
  return block;
}

interface Reading {
  readonly deposits: Deposits;
  readonly work: Awaited<ReturnType<typeof readWork>>;
  readonly profit: Profit;
}

/** What takes reading all events: an account's work and disputes, its profit and loss. */
async function readAll(
  session: Session,
  account: AccountState,
  head: { readonly number: number; readonly timestamp: number },
  since: number | undefined,
  progress: Progress,
): Promise<Reading> {
  const { contracts, provider } = session;
  const everything = await progress("reading the chain", (onBlocks) =>
    readEverything({ contracts, provider, onBlocks }, head.number),
  );
  const work = await readWork(session, account.account, everything, head.timestamp);
  const period = { since, toBlock: head.number };
  const deposits = depositsFor(everything.state, account.account);
  return { work, deposits, profit: await readProfit(session, account, everything, period, progress) };
}

async function status(flags: StatusFlags, command: Command): Promise<void> {
  const session = await openSession(command);
  const { config, contracts, provider } = session;
  const progress = terminalProgress();
  const role = config.role ?? DEFAULTS.role;
  const http = config.http ?? DEFAULTS.http;
  const address = httpAddress(http);
  const hasAccount = flags.address !== undefined || hasSigner(config);
  const head = await headOf(session);
  const now = head.timestamp;
  const since = flags.since === undefined ? undefined : sinceOf(flags.since, now);
  const account: AccountState | undefined = hasAccount
    ? await readAccount(contracts, provider, await accountOf(config, flags.address), head.number)
    : undefined;
  const reserve = account && (await readReserve(contracts, account.account, head.number));
  const [parameters, endpoints, health] = await Promise.all([
    contracts.market.parameters(),
    readEndpoints(config),
    address === undefined ? undefined : askHealth(address),
  ]);
  const found =
    account === undefined || flags.quick === true
      ? undefined
      : await readAll(session, account, head, since, progress);
  const [minWindow, maxWindow, operatorClock, challengerClock] = [
    Number(parameters.minWindow),
    Number(parameters.maxWindow),
    Number(parameters.operatorClock),
    Number(parameters.challengerClock),
  ];
  const rows: Row[] = [
    ...(account === undefined ? [] : accountRows(account)),
    ...(reserve === undefined ? [] : receiptsRows(reserve, found?.deposits, role)),
    ["role", role],
    ["node", nodeText(http, health)],
    ["chain", `${contracts.deployment.chainId}, ${time(now)}`],
    ...endpoints.map((endpoint) => endpointRow(endpoint, now)),
    ["windows", `answers can be challenged for ${duration(minWindow)} to ${duration(maxWindow)}`],
    [
      "clocks",
      `operator ${duration(operatorClock)}, challenger ${duration(challengerClock)}: all moves of one dispute`,
    ],
    ...(found === undefined ? [] : [...workRows(found.work, role, now), ...profitRows(found.profit)]),
  ];
  print(flags.json ?? false, rows, {
    ...account,
    receipts: reserve === undefined ? null : { ...reserve, deposits: found?.deposits ?? null },
    role,
    node: health ?? null,
    chainId: contracts.deployment.chainId,
    now,
    endpoints: endpoints.map(({ host, info, error }) => ({
      host,
      error: error ?? null,
      height: info?.height ?? null,
      latencyMs: info?.latencyMs ?? null,
    })),
    parameters: { minWindow, maxWindow, operatorClock, challengerClock },
    work: found?.work ?? null,
    profit: found === undefined ? null : profitData(found.profit),
  });
}

export function addStatus(program: Command): void {
  withChain(program.command("status"), true)
    .description(
      "stake, receipts' reserve, wallet, work, disputes, profit and loss of an account; chain, endpoints, node",
    )
    .option("--address <address>", "account (default: the key's; its password is not needed)")
    .option("--since <when>", "profit and loss since then: 24h, 7d, 4w, or a date (default: all time)")
    .option("--quick", "leave out work, disputes, profit and loss, for which all events are read")
    .option("--http <host:port>", `where this machine's node answers (default ${DEFAULTS.http})`)
    .option("--json", "print JSON: amounts in wei, times in unix seconds")
    .addHelpText(
      "after",
      `
Profit is fees, shares and forfeits, less bonds and stakes lost and gas. Stake that is locked is neither. Gas is read from
receipts; that of failed transactions is found if the endpoint keeps old state (an archive), else it says what is missing.

  $ assay status
  $ assay status --since 7d
  $ assay status --quick --json | jq -r .freeWei`,
    )
    .action(status);
}
