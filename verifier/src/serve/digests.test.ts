import { expect } from "chai";
import { SigningKey, Signature, computeAddress, randomBytes } from "ethers";
import { seededRng } from "../../../program/src/testing/rng.ts";
import { digestOf, type Order, type Place, type Receipt, type Voucher } from "../../../sdk/src/receipts.ts";
import { toHex, type Hex } from "../../../sdk/src/structs.ts";
import { createDigests, digestSigner, isSignedBy } from "./digests.ts";

const rng = seededRng(7);
const bytes = (count: number): Hex =>
  `0x${rng
    .bits(8 * count)
    .toString(16)
    .padStart(2 * count, "0")}`;
const wide = (bits: number): bigint => rng.bits(bits);
const ORDER_OF_CURVE = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

describe("digests and signatures of answers over HTTP", () => {
  const place: Place = { chainId: 11155111, receipts: bytes(20), deposits: bytes(20) };
  const digests = createDigests(place);

  it("are those of the SDK, which are those of the contracts", () => {
    for (let i = 0; i < 200; i++) {
      const order: Order = {
        ...{ releaseId: bytes(32), inputsRoot: bytes(32), client: bytes(20), operator: bytes(20) },
        ...{ priceWei: wide(96), nonce: wide(64), expiresAt: Number(wide(40)) },
      };
      const receipt: Receipt = {
        ...{ requestHash: bytes(32), releaseId: bytes(32), inputsRoot: bytes(32), outputHash: bytes(32) },
        ...{ operator: bytes(20), issuedAt: Number(wide(40)), bondClass: Number(wide(8)) },
      };
      const voucher: Voucher = {
        ...{ client: bytes(20), operator: bytes(20), totalWei: wide(96), order: bytes(32) },
      };
      expect(digests.digestOf("Order", order)).to.equal(digestOf(place, "Order", order));
      expect(digests.digestOf("Receipt", receipt)).to.equal(digestOf(place, "Receipt", receipt));
      expect(digests.digestOf("Voucher", voucher)).to.equal(digestOf(place, "Voucher", voucher));
      const key = { operator: bytes(20) };
      expect(digests.digestOf("Key", key)).to.equal(digestOf(place, "Key", key));
    }
  });

  it("are accepted where ethers recovers the account, and as it signs", () => {
    for (let i = 0; i < 20; i++) {
      const key = new SigningKey(randomBytes(32));
      const account: Hex = `0x${computeAddress(key.publicKey).slice(2)}`;
      const digest = toHex(randomBytes(32));
      const signer = digestSigner(`0x${key.privateKey.slice(2)}`);
      expect(signer.address).to.equal(account.toLowerCase());
      const signature = signer.sign(digest);
      expect(signature).to.equal(Signature.from(key.sign(digest)).serialized);
      expect(isSignedBy(digest, signature, account)).to.equal(true);
      // Again: the key is known now.
      expect(isSignedBy(digest, signature, account)).to.equal(true);
      expect(isSignedBy(toHex(randomBytes(32)), signature, account)).to.equal(false);
      expect(isSignedBy(digest, signature, place.receipts)).to.equal(false);
    }
  });

  it("have no twins, and are not what is none", () => {
    const signer = digestSigner(bytes(32));
    const digest = bytes(32);
    const { r, s, v } = Signature.from(signer.sign(digest));
    const twin = (ORDER_OF_CURVE - BigInt(s)).toString(16).padStart(64, "0");
    const wrong: Hex[] = [
      `0x${r.slice(2)}${twin}${v === 27 ? "1c" : "1b"}`,
      `0x${r.slice(2)}${s.slice(2)}${v === 27 ? "1c" : "1b"}`,
      `0x${r.slice(2)}${s.slice(2)}${v === 27 ? "00" : "01"}`,
      `0x${r.slice(2)}${s.slice(2)}`,
      `0x${"00".repeat(65)}`,
      `0x${"ff".repeat(65)}`,
      "0x",
    ];
    for (const signature of wrong) expect(isSignedBy(digest, signature, signer.address)).to.equal(false);
    expect(() => digestSigner(`0x${"00".repeat(32)}`)).to.throw("no private key");
  });
});
