import { expect } from "chai";
import { parseEvent, type AssayEvent } from "../../../sdk/src/events.ts";
import type { Hex, Offer } from "../../../sdk/src/structs.ts";
import { IOperatorDirectory__factory } from "../../../types/ethers-contracts/index.js";
import { baseUrl, type OperatorRecord } from "../../../sdk/src/operators.ts";
import { createView } from "../../test/view.ts";

const ALICE: Hex = `0x${"aA".repeat(20)}`;
const RELEASE: Hex = `0x${"01".repeat(32)}`;
const OTHER: Hex = `0x${"02".repeat(32)}`;
const OFFER: Offer = { feeWei: 5n, gas: 160_000, tipMwei: 1000, gasPercent: 125, maxBondWei: 10n ** 18n };
const WITHDRAWN: Offer = { feeWei: 0n, gas: 0, tipMwei: 0, gasPercent: 0, maxBondWei: 0n };

function endpoints(...list: readonly string[]): AssayEvent {
  return { name: "EndpointsAnnounced", operator: ALICE, endpoints: [...list] };
}

function offer(releaseId: Hex, value: Offer): AssayEvent {
  return { name: "OfferChanged", operator: ALICE, releaseId, offer: value };
}

describe("what operators announce", () => {
  it("keeps base URLs in one spelling and nothing else", () => {
    expect(baseUrl("HTTPS://Example.org:443/assay//")).to.equal("https://example.org/assay");
    expect(baseUrl("http://[::1]:8600")).to.equal("http://[::1]:8600");
    const bad = [
      "",
      "ftp://a.org",
      "javascript:alert(1)",
      "https://user:pw@a.org",
      "https://a.org?x=1",
      "https://a.org#f",
    ];
    const worse = [
      "file:///etc/passwd",
      "//a.org",
      "https://",
      "\u001b[31m",
      `https://${"a".repeat(128)}.org`,
    ];
    for (const text of [...bad, ...worse]) expect(baseUrl(text), text).to.equal(undefined);
  });

  it("decodes lists of every length", () => {
    const directory = IOperatorDirectory__factory.createInterface();
    for (const list of [[], ["https://a.org"], ["https://a.org", "https://b.org"]]) {
      const { data, topics } = directory.encodeEventLog("EndpointsAnnounced", [ALICE.toLowerCase(), list]);
      const log = { address: ALICE, data, topics: topics.filter((topic) => typeof topic === "string") };
      expect(parseEvent("directory", log)).to.deep.include({ name: "EndpointsAnnounced", endpoints: list });
    }
    const { data, topics } = directory.encodeEventLog("OfferChanged", [ALICE.toLowerCase(), RELEASE, OFFER]);
    const log = { address: ALICE, data, topics: topics.filter((topic) => typeof topic === "string") };
    expect(parseEvent("directory", log)).to.deep.include({
      name: "OfferChanged",
      releaseId: RELEASE,
      offer: OFFER,
    });
  });

  it("lets the latest announcement stand, and goes back with the chain", () => {
    const view = createView();
    let block = 0;
    const say = (event: AssayEvent): void => view.apply({ event, blockNumber: ++block, timestamp: 0 });
    const found = (): OperatorRecord | undefined => view.state.operators.get(ALICE.toLowerCase());
    say(offer(RELEASE, OFFER));
    say(endpoints("https://one.org/", "nonsense", "https://one.org"));
    expect(found()?.endpoints).to.deep.equal(["https://one.org"]);
    say(endpoints("https://two.org"));
    say(offer(OTHER, { ...OFFER, feeWei: 6n }));
    say(offer(RELEASE, WITHDRAWN));
    expect([...(found()?.offers ?? [])]).to.deep.equal([[OTHER, { ...OFFER, feeWei: 6n }]]);
    say(offer(OTHER, WITHDRAWN));
    say(endpoints());
    expect(view.state.operators.size).to.equal(0);
    // Which names the next announcement: who has withdrawn everything does not begin anew.
    expect(view.state.announcements.get(ALICE.toLowerCase())).to.equal(3);
    view.rollBack(2);
    expect(view.state.announcements.get(ALICE.toLowerCase())).to.equal(1);
    expect(found()).to.deep.equal({
      address: ALICE,
      endpoints: ["https://one.org"],
      offers: new Map([[RELEASE, OFFER]]),
    });
    view.rollBack(0);
    expect(found()).to.equal(undefined);
  });

  it("bounds endless lists", () => {
    const view = createView();
    const many = Array.from({ length: 1000 }, (_, i) => `https://${i}.org`);
    view.apply({ event: endpoints(...many), blockNumber: 1, timestamp: 0 });
    expect(view.state.operators.get(ALICE.toLowerCase())?.endpoints).to.have.length(4);
  });
});
