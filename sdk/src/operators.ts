/** What operators say of themselves in the directory. It binds nobody: whoever uses it looks at stakes and checks what comes. */
import type { AssayEvent } from "./events.ts";
import type { Hex, Offer } from "./structs.ts";

export interface OperatorRecord {
  readonly address: Hex;
  /** Base URLs without a trailing slash; what is none is left out. Hosts may be anything: do not fetch private ones unasked. */
  endpoints: readonly string[];
  /** By release; those withdrawn are left out. */
  readonly offers: Map<Hex, Offer>;
}

/** As OperatorDirectory.MAX_ENDPOINTS and MAX_ENDPOINT_BYTES. */
export const MAX_ENDPOINTS = 4;
export const MAX_ENDPOINT_BYTES = 128;

/** @returns a base URL in one spelling, without a trailing slash; undefined if it is none that others could use. */
export function baseUrl(text: string): string | undefined {
  if (text.length > MAX_ENDPOINT_BYTES || !URL.canParse(text)) return undefined;
  const { protocol, username, password, search, hash, href } = new URL(text);
  const plain = [username, password, search, hash].every((part) => part === "");
  if (!plain || (protocol !== "http:" && protocol !== "https:")) return undefined;
  return href.replace(/[?#]+$/, "").replace(/\/+$/, "");
}

/** Those that are usable, each once, in the order given. */
export function baseUrls(texts: readonly string[]): string[] {
  const urls = texts.slice(0, MAX_ENDPOINTS).map(baseUrl);
  return [...new Set(urls.filter((url) => url !== undefined))];
}

/** Applies an event of the directory, in chain order. Who withdraws everything is forgotten. */
export function applyToOperators(operators: Map<string, OperatorRecord>, event: AssayEvent): void {
  if (event.name !== "EndpointsAnnounced" && event.name !== "OfferChanged") return;
  const key = event.operator.toLowerCase();
  const record = operators.get(key) ?? { address: event.operator, endpoints: [], offers: new Map() };
  if (event.name === "EndpointsAnnounced") record.endpoints = baseUrls(event.endpoints);
  else if (event.offer.maxBondWei === 0n) record.offers.delete(event.releaseId);
  else record.offers.set(event.releaseId, event.offer);
  if (record.endpoints.length === 0 && record.offers.size === 0) operators.delete(key);
  else operators.set(key, record);
}
