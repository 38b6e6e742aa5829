/** `assay model offers`: who answers a release, at which price. `assay announce`: what the directory says of an account. */
import type { Command } from "commander";
import { zeroPadValue, type Log, type Provider } from "ethers";
import pLimit from "p-limit";
import type { Contracts } from "../../../sdk/src/contracts.ts";
import { freshKey } from "../chain/outbox/intent.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { parseEvent } from "../../../sdk/src/events.ts";
import { readLogs } from "../../../sdk/src/logs.ts";
import { quoteOf } from "../../../sdk/src/offer.ts";
import type { Hex, Offer } from "../../../sdk/src/structs.ts";
import { applyToOperators, type OperatorRecord } from "../chain/operators.ts";
import { ether } from "../economics/ether.ts";
import { NO_OFFER } from "../economics/offers.ts";
import { encodeAnnouncement } from "../roles/announcer.ts";
import { parseInteger } from "./arguments.ts";
import { print, type Row } from "./output.ts";
import { accountOf, idOf, openSender, openSession, withChain } from "./session.ts";

/** Anybody can announce: of so many operators, the newest, the stakes are asked for. */
const MAX_OPERATORS = 1000;
const CONCURRENT = 8;

type Event = "OfferChanged" | "EndpointsAnnounced";

/** The directory's records, from its events alone. @param topics After the event's own, as for eth_getLogs. */
async function readDirectory(
  { directory, deployment }: Contracts,
  provider: Provider,
  names: readonly Event[],
  topics: readonly (string | string[] | null)[],
): Promise<Map<string, OperatorRecord>> {
  const operators = new Map<string, OperatorRecord>();
  const filter = {
    address: deployment.addresses.directory,
    topics: [names.map((name) => directory.interface.getEvent(name).topicHash), ...topics],
  };
  const logs: Log[] = await readLogs(provider, filter, deployment.block);
  for (const log of logs) {
    const event = parseEvent("directory", log);
    if (event !== undefined) applyToOperators(operators, event);
  }
  return operators;
}

export interface ListedOffer {
  readonly operator: Hex;
  readonly offer: Offer;
  /** At the newest block's base fee, wei. */
  readonly priceWei: bigint;
  readonly freeWei: bigint;
  readonly lockedWei: bigint;
  readonly endpoints: readonly string[];
}

/** Offers for a release, cheapest first. @param callbackGas As in the request to come. */
export async function listOffers(
  contracts: Contracts,
  provider: Provider,
  releaseId: Hex,
  callbackGas = 0,
): Promise<ListedOffer[]> {
  const head = await provider.getBlock("latest");
  const baseFee = head?.baseFeePerGas ?? 0n;
  const offering = await readDirectory(contracts, provider, ["OfferChanged"], [null, releaseId]);
  const newest = [...offering.values()].slice(-MAX_OPERATORS);
  const accounts = newest.map(({ address }) => zeroPadValue(address, 32));
  const reachable =
    accounts.length === 0
      ? new Map<string, OperatorRecord>()
      : await readDirectory(contracts, provider, ["EndpointsAnnounced"], [accounts]);
  const limit = pLimit(CONCURRENT);
  const listed = newest.map((record) =>
    limit(async (): Promise<ListedOffer | undefined> => {
      const { address } = record;
      const offer = record.offers.get(releaseId);
      const priceWei = offer && quoteOf(offer, baseFee, callbackGas);
      if (offer === undefined || priceWei === undefined) return undefined;
      const { freeWei, lockedWei } = await contracts.vault.accountOf(address);
      const endpoints = reachable.get(address.toLowerCase())?.endpoints ?? [];
      return { operator: address, offer, priceWei, freeWei, lockedWei, endpoints };
    }),
  );
  const found = (await Promise.all(listed)).filter((entry) => entry !== undefined);
  return found.sort((a, b) => (a.priceWei < b.priceWei ? -1 : a.priceWei > b.priceWei ? 1 : 0));
}

function bondText({ maxBondWei }: Offer): string {
  return maxBondWei >= 2n ** 96n - 1n ? "any bond" : `bonds up to ${ether(maxBondWei)}`;
}

function priceText({ feeWei, gas, tipMwei, gasPercent }: Offer): string {
  if (gasPercent === 0) return ether(feeWei);
  const gasPart = `${gas} gas at ${gasPercent} % of base fee + ${tipMwei / 1000} gwei`;
  return feeWei === 0n ? gasPart : `${ether(feeWei)} + ${gasPart}`;
}

function rowsOf({ operator, offer, priceWei, freeWei, lockedWei, endpoints }: ListedOffer): Row[] {
  return [
    ["operator", operator],
    ["  price now", `${ether(priceWei)} (${priceText(offer)})`],
    ["  takes", bondText(offer)],
    ["  stake", `${ether(freeWei)} free, ${ether(lockedWei)} locked`],
    ...endpoints.map((url): Row => ["  endpoint", url]),
  ];
}

/** To be added to `assay model`. */
export function addOffers(model: Command): void {
  withChain(model.command("offers <release>"), false)
    .description("list who answers a release, at which price, with which stake; it binds nobody")
    .option("--callback-gas <gas>", "of the request to come", parseInteger, 0)
    .option("--json", "print JSON")
    .action(async (id: string, flags: { callbackGas: number; json?: boolean }, command: Command) => {
      const releaseId = idOf(id.toLowerCase(), "a release");
      const { contracts, provider } = await openSession(command);
      const offers = await listOffers(contracts, provider, releaseId, flags.callbackGas);
      const none: Row[] = [["offers", "none: nobody has announced this release"]];
      print(flags.json ?? false, offers.length === 0 ? none : offers.flatMap(rowsOf), offers);
    });
}

interface AnnounceFlags {
  readonly withdraw?: boolean;
  readonly address?: string;
  readonly json?: boolean;
}

async function announce({ withdraw, address, json }: AnnounceFlags, command: Command): Promise<void> {
  const session = await openSession(command);
  const { config, contracts, provider } = session;
  if (withdraw === true && address !== undefined)
    throw new AssayError("BAD_CONFIG", "only the key's own account can withdraw: leave out --address");
  const account = await accountOf(config, address);
  const read = async (): Promise<OperatorRecord> =>
    (
      await readDirectory(
        contracts,
        provider,
        ["OfferChanged", "EndpointsAnnounced"],
        [zeroPadValue(account, 32)],
      )
    ).get(account.toLowerCase()) ?? { address: account, endpoints: [], offers: new Map() };
  let said = await read();
  if (withdraw === true && said.endpoints.length + said.offers.size > 0) {
    const sender = await openSender(session);
    const offers = [...said.offers.keys()].map((releaseId) => ({ releaseId, offer: NO_OFFER }));
    const data = encodeAnnouncement({ contracts }, { endpoints: [], offers });
    await sender.send({
      key: freshKey("announce"),
      label: "announce",
      to: contracts.deployment.addresses.directory,
      data,
    });
    said = await read();
  }
  const { endpoints, offers } = said;
  const rows: Row[] = [
    ["account", account],
    ...endpoints.map((url): Row => ["endpoint", url]),
    ...[...offers].map(([releaseId, offer]): Row => [releaseId, `${priceText(offer)}, ${bondText(offer)}`]),
  ];
  if (rows.length === 1) rows.push(["announced", "nothing"]);
  print(json ?? false, rows, { account, endpoints, offers: Object.fromEntries(offers) });
}

export function addAnnounce(program: Command): void {
  withChain(program.command("announce"), true)
    .description(
      "show what the directory says of an account; a running operator keeps it in step with its settings",
    )
    .option("--withdraw", "take back all endpoints and offers of the key's account (stop its node first)")
    .option("--address <address>", "account to show (default: the key's)")
    .option("--json", "print JSON")
    .action(announce);
}
