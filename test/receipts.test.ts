/** What is signed for answers over HTTP, against the contracts; then the gas of paying for them: receipts.snapshot.json. */
import { expect } from "chai";
import { HDNodeWallet, toBeHex, ZeroAddress } from "ethers";
import { AssayError } from "../sdk/src/error.ts";
import { digestOf, requireSigner, signAs, type Place, type Receipt } from "../sdk/src/receipts.ts";
import { address, type Hex } from "../sdk/src/structs.ts";
import { gasOf } from "./support/gas.ts";
import { openGasStage } from "./support/gasStage.ts";
import { expectSnapshot } from "./support/snapshot.ts";

const ETHER = 10n ** 18n;
const PRICE = 10n ** 12n;
/** Signatures and addresses are calldata. */
const SNAPSHOT_SHARE = 0.01;
const INFERENCES = 10_000;
const HASHES = ["0x01", "0x02", "0x03", "0x04"].map((hash) => toBeHex(hash, 32)) as [Hex, Hex, Hex, Hex];

/** The same keys in every run. */
function walletOf(index: number): HDNodeWallet {
  const phrase = "test test test test test test test test test test test junk";
  return HDNodeWallet.fromPhrase(phrase, "", `m/44'/60'/0'/1/${index}`);
}

async function openPlace() {
  const stage = await openGasStage(ETHER);
  const { ethers, contracts } = stage;
  const deposits = await ethers.deployContract("Deposits");
  // Nothing here is judged.
  const market = await contracts.market.getAddress();
  const receipts = await ethers.deployContract("Receipts", [market, ZeroAddress, ZeroAddress]);
  const place: Place = {
    chainId: 31337,
    receipts: address.parse(await receipts.getAddress()),
    deposits: address.parse(await deposits.getAddress()),
  };
  return { ...stage, deposits, receipts, place, operatorAt: address.parse(stage.operator.address) };
}

describe("what is signed for answers over HTTP", () => {
  it("has the digests that the contracts compute", async () => {
    const { deposits, receipts, place, operatorAt } = await openPlace();
    const [requestHash, releaseId, inputsRoot, outputHash] = HASHES;
    const receipt: Receipt = {
      ...{ requestHash, releaseId, inputsRoot, outputHash },
      ...{ operator: operatorAt, issuedAt: 1_800_000_000, bondClass: 9 },
    };
    const voucher = { client: operatorAt, operator: operatorAt, totalWei: 7n, order: HASHES[0] };
    expect(digestOf(place, "Receipt", receipt)).to.equal(await receipts.digestOf(receipt));
    expect(digestOf(place, "Key", { operator: operatorAt })).to.equal(await receipts.keyDigestOf(operatorAt));
    expect(digestOf(place, "Voucher", voucher)).to.equal(await deposits.digestOf(voucher));
  });

  it("is refused when another signed it, when it was altered, and when it is for another chain or contract", async () => {
    const { place, operatorAt } = await openPlace();
    const signer = walletOf(0);
    const signerAt = address.parse(signer.address);
    const voucher = { client: signerAt, operator: operatorAt, totalWei: 7n, order: HASHES[0] };
    const signature = await signAs(signer, place, "Voucher", voucher);
    requireSigner(place, "Voucher", voucher, signature, signerAt);
    const wrong: (() => void)[] = [
      () => requireSigner(place, "Voucher", voucher, signature, operatorAt),
      () => requireSigner(place, "Voucher", { ...voucher, totalWei: 8n }, signature, signerAt),
      () => requireSigner({ ...place, chainId: 1 }, "Voucher", voucher, signature, signerAt),
      () => requireSigner({ ...place, deposits: place.receipts }, "Voucher", voucher, signature, signerAt),
      () => requireSigner(place, "Voucher", voucher, "0x1234", signerAt),
    ];
    for (const check of wrong) expect(check).to.throw(AssayError).with.property("code", "BAD_SIGNATURE");
  });
});

describe("gas of paying for answers over HTTP", () => {
  it("is below 100 for each of 10,000 inferences that one transaction pays", async () => {
    const { ethers, operator, operatorAt, owner, later, deposits, place } = await openPlace();

    async function redeem(clients: readonly (readonly [string, HDNodeWallet])[], totalWei: bigint) {
      const vouchers = clients.map(([client]) => ({
        ...{ client: address.parse(client), operator: operatorAt, totalWei, order: HASHES[0] },
      }));
      const signatures = await Promise.all(
        vouchers.map((voucher, i) => signAs(walletOf(i), place, "Voucher", voucher)),
      );
      await later(60);
      return gasOf(deposits.connect(operator).redeem(vouchers, signatures, operatorAt));
    }

    const total = BigInt(INFERENCES) * PRICE;
    const one = [[owner.address, walletOf(0)]] as const;
    await deposits.deposit(operatorAt, walletOf(0).address, { value: ETHER });
    const first = await redeem(one, total);
    const second = await redeem(one, 2n * total);
    expect(await ethers.provider.getBalance(place.deposits)).to.equal(ETHER - 2n * total);
    expect(second / INFERENCES).to.be.below(100);

    const signers = (await ethers.getSigners()).slice(2);
    const many = await Promise.all(
      signers.map(async (client, i) => {
        await deposits.connect(client).deposit(operatorAt, walletOf(i).address, { value: ETHER });
        return [client.address, walletOf(i)] as const;
      }),
    );
    const each = Math.round((await redeem(many, total)) / many.length);
    expect(each).to.be.below(second);
    expectSnapshot("receipts", { redeem: { first, later: second, eachOf18Clients: each } }, SNAPSHOT_SHARE);
  });
});
