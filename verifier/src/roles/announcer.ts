/** Keeps what the directory says of this account in step with the node's configuration. */
import type { Hex, Offer } from "../../../sdk/src/structs.ts";
import { baseUrls } from "../../../sdk/src/operators.ts";
import type { BlockRef } from "../chain/source.ts";
import type { ChainState, ReleaseRecord } from "../chain/state.ts";
import type { AnswerTerms } from "../economics/answer.ts";
import { isInStep, NO_OFFER, offerFor } from "../economics/offers.ts";
import type { Role, RoleContext } from "./role.ts";
import { lowerHex } from "../lowerHex.ts";

export interface AnnouncerOptions {
  /** Base URLs at which others reach this node. */
  readonly endpoints: readonly string[];
  /** Undefined: this node answers nothing, and offers nothing. */
  readonly terms: AnswerTerms | undefined;
}

export interface Announcement {
  readonly endpoints: readonly string[];
  /** Only those that change. */
  readonly offers: readonly { readonly releaseId: Hex; readonly offer: Offer }[];
}

/** Chain seconds between two announcements of this process: two that share a key but not a configuration must not outbid each other. */
const PAUSE_SECONDS = 600;
/** Of one transaction; what is left follows. */
const MAX_OFFERS = 100;

/** Releases that are named in the configuration. Who serves all offers none of them by itself: anybody can publish more. */
export function offeredReleases({ serve, prices }: AnswerTerms): Hex[] {
  const named = serve === "all" ? [...(prices?.keys() ?? [])] : serve;
  return [...new Set(named.map(lowerHex))];
}

/** Calldata of `OperatorDirectory.announce`. */
export function encodeAnnouncement(
  { contracts }: Pick<RoleContext, "contracts">,
  said: Announcement,
): string {
  const { interface: directory } = contracts.directory;
  return directory.encodeFunctionData("announce", [[...said.endpoints], [...said.offers]]);
}

export function createAnnouncer(
  context: Pick<RoleContext, "contracts" | "sender" | "releases" | "runTimes" | "gasPrice" | "log">,
  options: AnnouncerOptions,
): Role {
  const { contracts, sender, releases, runTimes, log } = context;
  const endpoints = baseUrls(options.endpoints);
  const { terms } = options;
  const offered = terms === undefined ? [] : offeredReleases(terms);
  const me = lowerHex(sender.address);
  let announcedAt = -Infinity;

  /** Offers that this node can stand by now. */
  function wantedOffers(state: ChainState, head: BlockRef, parameters: bigint): Map<Hex, Offer> {
    const wanted = new Map<Hex, Offer>();
    if (terms === undefined) return wanted;
    const { tip } = context.gasPrice(head);
    for (const releaseId of offered) {
      const record = state.releases.get(releaseId);
      const model = releases.ready(releaseId)?.model;
      if (record === undefined || model === undefined) continue;
      const runSeconds = runTimes.runSeconds(model);
      wanted.set(releaseId, offerFor(releaseId, record.release, terms, { parameters, runSeconds, tip }));
    }
    return wanted;
  }

  /** @returns undefined if the directory says what it should. */
  function announcementDue(state: ChainState, head: BlockRef, parameters: bigint): Announcement | undefined {
    const said = state.operators.get(me);
    const wanted = wantedOffers(state, head, parameters);
    const { baseFee } = context.gasPrice(head);
    const changed = [...wanted]
      .filter(([releaseId, offer]) => !isInStep(said?.offers.get(releaseId), offer, baseFee))
      .map(([releaseId, offer]) => ({ releaseId, offer }));
    // What cannot be prepared just now is left as it is.
    const kept = new Set(offered.filter((releaseId) => releases.failure(releaseId) !== "final"));
    const withdrawn = [...(said?.offers.keys() ?? [])]
      .filter((releaseId) => !kept.has(releaseId))
      .map((releaseId) => ({ releaseId, offer: NO_OFFER }));
    const moved = JSON.stringify(said?.endpoints ?? []) !== JSON.stringify(endpoints);
    const offers = [...changed, ...withdrawn].slice(0, MAX_OFFERS);
    return moved || offers.length > 0 ? { endpoints, offers } : undefined;
  }

  /** @param before How often it has announced before. */
  async function announce(said: Announcement, before: number, head: BlockRef): Promise<void> {
    const data = encodeAnnouncement(context, said);
    await sender.send({
      // One that is on its way, of a process that was killed or of another with this key, is joined; what it lacks comes after it.
      key: `announce:${before}`,
      label: "announce",
      to: contracts.deployment.addresses.directory,
      data,
    });
    announcedAt = head.timestamp;
    log.info({ endpoints: said.endpoints, offers: said.offers.length }, "announced");
  }

  return {
    duties(state, head) {
      if (state.parameters === undefined) return [];
      const known = offered.map((id) => state.releases.get(id)).filter((record) => record !== undefined);
      // One transaction for all: wait until each has been tried.
      const untried = ({ releaseId }: ReleaseRecord): boolean =>
        releases.ready(releaseId) === undefined && releases.failure(releaseId) === undefined;
      if (known.some(untried)) return [];
      const due = announcementDue(state, head, state.parameters);
      if (due === undefined || head.timestamp < announcedAt + PAUSE_SECONDS) return [];
      const before = state.announcements.get(me) ?? 0;
      return [{ key: "announce", subject: `announce:${me}`, run: () => announce(due, before, head) }];
    },
  };
}
