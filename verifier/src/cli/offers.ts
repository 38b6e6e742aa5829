/** `assay model offers`: who answers a release, at which price. `assay announce`: what the directory says of an account. */
import type { Command } from "commander";
import { zeroPadValue } from "ethers";
import { freshKey } from "../chain/outbox/intent.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import { listOffers, readDirectory, type ListedOffer } from "../../../sdk/src/offers.ts";
import type { OperatorRecord } from "../../../sdk/src/operators.ts";
import type { Offer } from "../../../sdk/src/structs.ts";
import { ether } from "../economics/ether.ts";
import { NO_OFFER } from "../economics/offers.ts";
import { encodeAnnouncement } from "../roles/announcer.ts";
import { parseInteger } from "./arguments.ts";
import { print, type Row } from "./output.ts";
import { accountOf, idOf, openSender, openSession, withChain } from "./session.ts";

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
