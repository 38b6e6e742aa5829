/** Which network addresses strangers may send us to: the public ones. */
import { lookup, type LookupAddress, type LookupOptions } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { AssayError } from "../../../sdk/src/error.ts";

/** Where IPv6 addresses are given out (RFC 4291, IANA's registry): all that this leaves out is special or unassigned. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR("2000::/3");

/** False for loopback, private, link-local, carrier-grade NAT, multicast, mapped, translated, documentation and reserved addresses. */
export function isPublicAddress(address: string): boolean {
  // The parser also takes short forms, which connect elsewhere than they seem to.
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_V6);
}

function refusal(host: string): AssayError {
  return new AssayError(
    "CONTENT_UNAVAILABLE",
    `${host} is not a public address: --allow-private-content lets strangers' content addresses lead there`,
  );
}

/** @throws {AssayError} CONTENT_UNAVAILABLE if the host is an IP address and not public. Names are checked when they are resolved. */
export function checkHost(hostname: string): void {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refusal(host);
}

/**
 * Resolves a name for a connection, which goes to the very addresses that were checked. One bad address spoils the name: honest ones have
 * none.
 */
export const lookupPublic: LookupFunction = (hostname, options: LookupOptions, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const [first] = found;
    if (error !== null || first === undefined) return callback(error ?? refusal(hostname), []);
    if (!found.every(({ address }) => isPublicAddress(address))) return callback(refusal(hostname), []);
    if (options.all === true) callback(null, found);
    else callback(null, first.address, first.family);
  });
};
