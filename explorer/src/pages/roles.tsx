import type { ReactNode } from "react";
import { Governed__factory } from "../../../types/ethers-contracts/index.js";
import { readBounds, RESTRICTED, type Bounds, type Restricted } from "../../../sdk/src/governance.ts";
import type { ParameterSet } from "../../../sdk/src/parameters.ts";
import { duration } from "../../../verifier/src/inspect/text.ts";
import { authorityOf, pendingAt, PUBLIC_ROLE, type Authority, type RoleRecord } from "../data/authority.ts";
import { useChain, useNow, type Reading } from "../data/context.tsx";
import { Account, Badge, Card, Facts, Id, Page, Problem, Table, Time } from "../ui/basics.tsx";
import { amount, grouped, percent, relative } from "../ui/words.ts";

type Parameter = keyof ParameterSet;

const gwei = (value: number): string => amount(BigInt(value) * 10n ** 9n);
const gas = (value: number): string => `${grouped(value)} gas`;

/** How the parameters of later requests are called and written. */
const PARAMETERS: Readonly<Record<Parameter, readonly [name: string, text: (value: number) => string]>> = {
  protocolFeeBps: ["Protocol fee", percent],
  minWindow: ["Shortest challenge window", duration],
  maxWindow: ["Longest challenge window", duration],
  operatorClock: ["Operator's clock", duration],
  challengerClock: ["Challenger's clock", duration],
  challengerBondGwei: ["Challenger's bond, at least", gwei],
  selectDepositGwei: ["Deposit of a select, at least", gwei],
  responseGas: ["Gas of a response", gas],
  turnEthSeconds: ["Longest turn of an operator with 1 ETH", duration],
};
const ORDER = [
  ...(["protocolFeeBps", "minWindow", "maxWindow", "operatorClock", "challengerClock"] as const),
  ...(["challengerBondGwei", "selectDepositGwei", "responseGas", "turnEthSeconds"] as const),
];

interface Governance {
  readonly address: `0x${string}`;
  readonly authority: Authority;
  /** By selector. */
  readonly names: ReadonlyMap<string, Restricted>;
  readonly set: Readonly<Record<Parameter, bigint>>;
  readonly bounds: Readonly<Record<Parameter, Bounds>>;
  readonly maxPause: number;
  readonly pauseGap: number;
  /** Unix seconds. */
  readonly pausedUntil: number;
}

async function readGovernance({ contracts, source }: Reading): Promise<Governance> {
  const at = source.deployment.addresses.market;
  const market = Governed__factory.connect(at, source.runner);
  const names = new Map(RESTRICTED.map((name) => [market.interface.getFunction(name).selector, name]));
  const [{ address, logs }, set, bounds, pausedUntil, maxPause, pauseGap] = await Promise.all([
    source.authority(),
    contracts.market.parameters(),
    readBounds(market, "latest"),
    market.pausedUntil(),
    market.MAX_PAUSE(),
    market.PAUSE_GAP(),
  ]);
  return {
    ...{ address, names, set, bounds, authority: authorityOf(logs, at, [...names.keys()]) },
    ...{ maxPause: Number(maxPause), pauseGap: Number(pauseGap), pausedUntil: Number(pausedUntil) },
  };
}

function mayText(name: Restricted, { maxPause, pauseGap }: Governance): string {
  switch (name) {
    case "setParameters":
      return "set the parameters of later requests, within the bounds below";
    case "pause":
      return `stop new requests, for at most ${duration(maxPause)}, then not for ${duration(pauseGap)}`;
    case "unpause":
      return "end a pause early";
  }
}

function roleName({ roleId, label }: RoleRecord): string {
  return label?.toLowerCase() ?? (roleId === PUBLIC_ROLE ? "everybody" : `role ${roleId}`);
}

function RoleTable({ governance }: { governance: Governance }): ReactNode {
  const roles = [...governance.authority.roles.values()];
  return (
    <Table
      caption="Roles"
      head={["Role", "May", "Members", "Delay"]}
      empty="There are no roles."
      rows={roles
        .filter(({ members, functions }) => members.size + functions.size > 0)
        .map((role) => ({
          key: String(role.roleId),
          cells: [
            <strong key="r">{roleName(role)}</strong>,
            <ul key="f" className="plain">
              {role.roleId === 0n && <li>grant and take roles, and say which role may call what</li>}
              {[...role.functions].map((selector) => {
                const name = governance.names.get(selector);
                return <li key={selector}>{name === undefined ? selector : mayText(name, governance)}</li>;
              })}
            </ul>,
            role.members.size === 0 ? (
              "nobody"
            ) : (
              <ul key="m" className="plain">
                {[...role.members.values()].map(({ account }) => (
                  <li key={account}>
                    <Account address={account} />
                  </li>
                ))}
              </ul>
            ),
            <ul key="d" className="plain">
              {[...role.members.values()].map(({ account, delaySeconds }) => (
                <li key={account}>{delaySeconds === 0 ? "none" : duration(delaySeconds)}</li>
              ))}
            </ul>,
          ],
        }))}
    />
  );
}

function Announced({ governance: { authority, names } }: { governance: Governance }): ReactNode {
  const now = useNow();
  return (
    <Table
      caption="Calls that have been announced"
      head={["By", "Calls", "Possible"]}
      empty="Nobody has announced a call."
      rows={pendingAt(authority, now).map(({ operationId, caller, data: call, at }) => ({
        key: operationId,
        cells: [
          <Account key="c" address={caller} />,
          names.get(call.slice(0, 10)) ?? (
            <span key="s" className="mono">
              {call.slice(0, 10)}
            </span>
          ),
          <Time key="t" at={at} />,
        ],
      }))}
    />
  );
}

function Rules({ governance: { set, bounds } }: { governance: Governance }): ReactNode {
  return (
    <>
      <Table
        caption="Parameters, and the bounds that no role can leave"
        head={["Parameter", "Now", "Bounds"]}
        empty="There are none."
        rows={ORDER.map((parameter) => {
          const [name, text] = PARAMETERS[parameter];
          const { min, max } = bounds[parameter];
          const within = min === 0 ? `at most ${text(max)}` : `${text(min)} to ${text(max)}`;
          return { key: parameter, cells: [name, text(Number(set[parameter])), within] };
        })}
      />
      <p className="hint">A request keeps the rules under which it was made.</p>
    </>
  );
}

export function Roles(): ReactNode {
  const now = useNow();
  const { data, error } = useChain(["roles"], readGovernance);
  return (
    <Page
      title="Roles"
      lead="Nobody can move a stake, appoint a judge or touch a request that exists. This is all that anybody's role can do on this deployment."
    >
      {error !== null && (
        <Problem>The access manager could not be read. It is tried again with the next block.</Problem>
      )}
      {data === undefined && error === null && <p role="status">Reading the access manager…</p>}
      {data !== undefined && (
        <>
          <Card title="Who can do what">
            <Facts
              rows={[
                ["Access manager", <Id key="a" value={data.address} what="access manager" />],
                [
                  "New requests",
                  data.pausedUntil > now ? (
                    <Badge key="p" tone="warn">
                      paused, ends {relative(data.pausedUntil, now)}
                    </Badge>
                  ) : (
                    <Badge key="p" tone="good">
                      taken
                    </Badge>
                  ),
                ],
              ]}
            />
            <RoleTable governance={data} />
          </Card>
          <Card title="Announced calls">
            <Announced governance={data} />
          </Card>
          <Card title="Rules of later requests">
            <Rules governance={data} />
          </Card>
        </>
      )}
    </Page>
  );
}
