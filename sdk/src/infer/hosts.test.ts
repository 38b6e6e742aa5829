import { expect } from "chai";
import { isPrivateHost } from "./hosts.ts";

const hostOf = (host: string): string => new URL(`http://${host}/`).hostname;

describe("hosts of endpoints", () => {
  const PRIVATE = [
    ...["localhost", "node.localhost", "printer.local", "db.internal", "LOCALHOST.", "127.0.0.1", "127.1"],
    ...["0x7f.1", "2130706433", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"],
    ...["100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "203.0.113.9"],
    ...["[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:127.0.0.1]", "[2001:db8::1]", "[2002:7f00:1::]"],
    ...["[2001::1]", "[64:ff9b::7f00:1]", "[ff02::1]"],
  ];
  const PUBLIC = [
    ...["example.org", "local.example.org", "8.8.8.8", "172.32.0.1", "100.128.0.1", "[2606:4700::1111]"],
    ...["[2001:4860:4860::8888]", "192.1.0.1"],
  ];

  it("are private or public, however they are spelled", () => {
    for (const host of PRIVATE) expect(isPrivateHost(hostOf(host)), host).to.equal(true);
    for (const host of PUBLIC) expect(isPrivateHost(hostOf(host)), host).to.equal(false);
  });
});
