/** Hosts that strangers' endpoints may not lead to unasked. Names are judged as they are written: whoever resolves them can do more. */

const PRIVATE_NAMES = /(^|\.)(localhost|local|internal|home\.arpa|lan)\.?$/i;

/** 10/8, 172.16/12, 192.168/16, 100.64/10, 127/8, 169.254/16, 0/8, multicast, reserved, and those of documents. */
function isPrivateV4(a: number, b: number, c: number): boolean {
  if (a === 0 || a === 10 || a === 127 || a >= 224) return true;
  if (a === 100) return b >= 64 && b < 128;
  if (a === 169) return b === 254;
  if (a === 172) return b >= 16 && b < 32;
  if (a === 192) return b === 168 || (b === 0 && (c === 0 || c === 2));
  if (a === 198) return b === 18 || b === 19 || (b === 51 && c === 100);
  return a === 203 && b === 0 && c === 113;
}

/** @param hostname Of a URL, which has one spelling for each address. */
export function isPrivateHost(hostname: string): boolean {
  const [, a, b, c] = /^(\d+)\.(\d+)\.(\d+)\.\d+$/.exec(hostname) ?? [];
  if (a !== undefined) return isPrivateV4(Number(a), Number(b), Number(c));
  if (!hostname.startsWith("[")) return PRIVATE_NAMES.test(hostname);
  // Global unicast is 2000::/3; of it 2001:db8::/32 is for documents, 2001::/32 and 2002::/16 hold IPv4 addresses.
  return !/^\[[23][0-9a-f]{3}:/i.test(hostname) || /^\[(2001:(db8)?:|2001:0?:|2002:)/i.test(hostname);
}
