import { expect } from "chai";
import { checkHost, isPublicAddress, lookupPublic } from "./addresses.ts";

describe("addresses that strangers choose", () => {
  it("are public ones only", () => {
    const refused = [
      ...["127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"],
      ...[
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "198.18.0.1",
        "203.0.113.7",
        "192.0.0.8",
      ],
      ...[
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "fec0::1",
      ],
      ...[
        "ff02::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:1::",
        "2001:db8::1",
        "100::1",
        "4000::1",
        "5f00::1",
      ],
      ...["", "localhost", "8.8.8", "1.1.1.1.1"],
    ];
    for (const address of refused) expect(isPublicAddress(address), address).to.equal(false);
    for (const address of ["1.1.1.1", "8.8.8.8", "2606:4700::1111"])
      expect(isPublicAddress(address), address).to.equal(true);
  });

  it("are the same however URLs spell them", () => {
    const spellings = [
      "2130706433",
      "0x7f.1",
      "0177.0.0.1",
      "127.1",
      "[::1]",
      "[::ffff:7f00:1]",
      "127.0.0.1.",
    ];
    for (const host of spellings)
      expect(() => checkHost(new URL(`http://${host}/`).hostname), host).to.throw();
    expect(() => checkHost(new URL("http://1.1.1.1/").hostname)).not.to.throw();
  });

  it("do not hide behind names", async () => {
    for (const all of [true, false]) {
      const error = await new Promise((resolve) =>
        lookupPublic("localhost", { all }, (failure) => resolve(failure)),
      );
      expect(error).to.be.an.instanceOf(Error);
    }
  });
});
