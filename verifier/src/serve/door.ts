/** Wires what a node does with receipts: as an operator that gives them, as a verifier that is handed them. */
import { AssayError } from "../../../sdk/src/error.ts";
import type { Place } from "../../../sdk/src/receipts.ts";
import { sameHex, type Hex } from "../../../sdk/src/structs.ts";
import type { ChainState } from "../chain/state.ts";
import { RUNS } from "../compute/batcher.ts";
import type { Routes } from "../http/server.ts";
import type { PreparedRelease } from "../releases/prepare.ts";
import { createCashier, isKeyOf } from "./cashier.ts";
import type { ReceiptAnswerer } from "../roles/operator.ts";
import type { Role, RoleContext } from "../roles/role.ts";
import type { ReceiptStore } from "../state/receipts.ts";
import type { Anchored } from "../../../sdk/src/infer/anchors.ts";
import { createAnchorer } from "./anchorer.ts";
import { anchorRoutes } from "./anchorRoutes.ts";
import { createAnchors } from "./anchors.ts";
import { createAnswerer, type AnswersBy } from "./answerer.ts";
import type { Digests, DigestSigner } from "./digests.ts";
import { createFair } from "./fair.ts";
import { createPurses } from "./purses.ts";
import { inferRoutes } from "./routes.ts";
import { createService, MAX_ORDER_SECONDS } from "./service.ts";
import { createPrices } from "./terms.ts";

/** On which terms receipts are given. */
export interface ReceiptOptions {
  /** Releases that are answered. */
  readonly releases: readonly Hex[];
  /** Wei for one answer. */
  readonly priceWei: bigint;
  /** Of single releases, lower case, in place of `priceWei`. */
  readonly prices?: ReadonlyMap<string, bigint>;
  /** The bond of a receipt is `0.001 ether << bondClass`. */
  readonly bondClass: number;
  readonly answers: AnswersBy;
  /** Signs; registered for the operator if it is not yet. */
  readonly signer: DigestSigner;
  /** Vouchers are redeemed once they are worth this together, wei. */
  readonly redeemFromWei: bigint;
  /** Length of the periods whose receipts' root is published, seconds; absent: none is. */
  readonly anchorSeconds?: number | undefined;
}

/** Requests of one client, and of all, that wait or run. */
const EACH = 64;
const ALL = 1024;
/** Inputs of a run, at most. */
const ROWS = 8;

export interface Door {
  readonly routes: readonly Routes[];
  readonly roles: readonly Role[];
}

export function openDoor(
  context: RoleContext,
  options: ReceiptOptions,
  parts: {
    readonly place: Place;
    readonly digests: Digests;
    readonly store: ReceiptStore;
    readonly state: () => ChainState;
    readonly isRead: () => boolean;
    /** How answers are computed; honestly unless tests and demonstrations pass another way. */
    readonly answer?: ReceiptAnswerer | undefined;
  },
): Door {
  const { place, digests, store, state, isRead } = parts;
  const { signer } = options;
  const account = context.sender.address;
  const prices = createPrices(options.priceWei, options.prices ?? new Map(), options.bondClass);

  function served(): readonly Hex[] {
    if (!isKeyOf(state(), signer.address, account)) return [];
    return options.releases.filter((releaseId) => context.releases.ready(releaseId) !== undefined);
  }

  function release(releaseId: Hex): PreparedRelease {
    if (!options.releases.some((id) => sameHex(id, releaseId)))
      throw new AssayError("NOT_FOUND", `the release ${releaseId} is not served here`);
    const prepared = context.releases.ready(releaseId);
    if (prepared === undefined || !isKeyOf(state(), signer.address, account))
      throw new AssayError("BUSY", "the release is not ready yet: ask again later", { retryable: true });
    return prepared;
  }

  const anchors = createAnchors(digests, store);
  const anchored = (): readonly Anchored[] => state().anchored.get(account.toLowerCase()) ?? [];

  const service = createService({
    ...{ account, prices, digests, signer, store, state, isRead, release },
    purses: createPurses(store),
    fair: createFair({ atOnce: RUNS * ROWS * context.workers, each: EACH, all: ALL }),
    answer: parts.answer ?? createAnswerer(context, options.answers, state),
    // Nothing is issued into a period that has its root, whatever becomes of our clock.
    now: () => Math.max(Math.floor(Date.now() / 1000), anchored().at(-1)?.until ?? 0),
  });
  const { redeemFromWei, anchorSeconds } = options;
  return {
    roles: [
      createCashier(context, { signer, digests, store, redeemFromWei }),
      ...(anchorSeconds === undefined
        ? []
        : [createAnchorer(context, { anchors, store, anchored, everySeconds: anchorSeconds })]),
    ],
    routes: [
      inferRoutes({
        service,
        offering: {
          ...{ place, operator: account, key: signer.address, prices },
          maxOrderSeconds: MAX_ORDER_SECONDS,
        },
        served,
        signatureOf: (releaseId) => release(releaseId).model.signature,
      }),
      anchorRoutes({ anchors, anchored }),
    ],
  };
}
