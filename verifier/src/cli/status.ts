/** `assay status`. */
import type { Command } from "commander";
import { chainTime } from "../../../sdk/src/answer.ts";
import { messageOf } from "../../../sdk/src/error.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import { openClocks, type GameClock } from "../inspect/history.ts";
import { readHistory, readState } from "../inspect/read.ts";
import { workOf, type Work } from "../inspect/work.ts";
import { askEndpoint, hostOf, type EndpointInfo } from "../setup/endpoint.ts";
import { askHealth, httpAddress, type NodeHealth } from "../setup/http.ts";
import { accountRows, readAccount, type AccountState } from "./account.ts";
import { DEFAULTS, type Config, type RoleName } from "./config.ts";
import { print, type Row } from "./output.ts";
import { terminalProgress, type Progress } from "./progress.ts";
import { accountOf, idOf, openSession, withChain, type Session } from "./session.ts";
import { hasSigner } from "./signer.ts";
import { clockText, count, duration, ether, time } from "../inspect/text.ts";

interface Game {
  readonly requestId: Hex;
  readonly as: "operator" | "challenger";
  readonly clock: GameClock;
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
  for (const { requestId, as } of disputed) {
    const history = await readHistory(session, requestId);
    for (const clock of openClocks(history, now))
      if (as === "operator" || sameHex(clock.challenger, account)) games.push({ requestId, as, clock });
  }
  return games;
}

async function readWork(
  session: Session,
  account: Hex,
  now: number,
  progress: Progress,
): Promise<Work & { readonly games: readonly Game[] }> {
  const { config, contracts, provider } = session;
  const role = config.role ?? DEFAULTS.role;
  const serve = config.serve?.map((id) => idOf(id, "a release")) ?? ("all" as const);
  const party = { account, serve, operator: role !== "verifier", verifier: role !== "operator" };
  const state = await progress("reading the chain", (onBlocks) =>
    readState({ contracts, provider, onBlocks }),
  );
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
    ...games.map(({ as, clock }): Row => [`  as ${as}`, `${clock.disputeId} ${clockText(clock)}`]),
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

interface StatusFlags {
  readonly address?: string;
  readonly quick?: boolean;
  readonly json?: boolean;
}

async function status(flags: StatusFlags, command: Command): Promise<void> {
  const session = await openSession(command);
  const { config, contracts, provider } = session;
  const progress = terminalProgress();
  const role = config.role ?? DEFAULTS.role;
  const http = config.http ?? DEFAULTS.http;
  const address = httpAddress(http);
  const hasAccount = flags.address !== undefined || hasSigner(config);
  const account: AccountState | undefined = hasAccount
    ? await readAccount(contracts, provider, await accountOf(config, flags.address))
    : undefined;
  const [parameters, endpoints, health, now] = await Promise.all([
    contracts.market.parameters(),
    readEndpoints(config),
    address === undefined ? undefined : askHealth(address),
    chainTime(session.provider),
  ]);
  const work =
    account === undefined || flags.quick === true
      ? undefined
      : await readWork(session, account.account, now, progress);
  const [minWindow, maxWindow, operatorClock, challengerClock] = [
    Number(parameters.minWindow),
    Number(parameters.maxWindow),
    Number(parameters.operatorClock),
    Number(parameters.challengerClock),
  ];
  const rows: Row[] = [
    ...(account === undefined ? [] : accountRows(account)),
    ["role", role],
    ["node", nodeText(http, health)],
    ["chain", `${contracts.deployment.chainId}, ${time(now)}`],
    ...endpoints.map((endpoint) => endpointRow(endpoint, now)),
    ["windows", `answers can be challenged for ${duration(minWindow)} to ${duration(maxWindow)}`],
    [
      "clocks",
      `operator ${duration(operatorClock)}, challenger ${duration(challengerClock)}: all moves of one dispute`,
    ],
    ...(work === undefined ? [] : workRows(work, role, now)),
  ];
  print(flags.json ?? false, rows, {
    ...account,
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
    work: work ?? null,
  });
}

export function addStatus(program: Command): void {
  withChain(program.command("status"), true)
    .description("stake, wallet, work and disputes of an account; chain, endpoints, node")
    .option("--address <address>", "account (default: the key's; its password is not needed)")
    .option("--quick", "leave out work and disputes, for which all events are read")
    .option("--http <host:port>", `where this machine's node answers (default ${DEFAULTS.http})`)
    .option("--json", "print JSON: amounts in wei, times in unix seconds")
    .addHelpText(
      "after",
      `
  $ assay status
  $ assay status --quick --json | jq -r .freeWei`,
    )
    .action(status);
}
