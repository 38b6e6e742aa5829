/** Gas of paying for inference over HTTP: receipts.snapshot.json. */
import { expect } from "chai";
import { HDNodeWallet, type TypedDataDomain } from "ethers";
import { gasOf } from "./support/gas.ts";
import { openGasStage } from "./support/gasStage.ts";
import { expectSnapshot } from "./support/snapshot.ts";

const FINNEY = 10n ** 15n;
const ETHER = 10n ** 18n;
/** Signatures, keys and addresses are calldata. */
const SNAPSHOT_SHARE = 0.01;
const INFERENCES = 10_000;
const VOUCHER = {
  Voucher: [
    { name: "client", type: "address" },
    { name: "operator", type: "address" },
    { name: "totalWei", type: "uint96" },
  ],
};
function domainOf(name: string, verifyingContract: string): TypedDataDomain {
  return { name, version: "1", chainId: 31337n, verifyingContract };
}

/** The same keys in every run. */
function walletOf(index: number): HDNodeWallet {
  return HDNodeWallet.fromPhrase(
    "test test test test test test test test test test test junk",
    "",
    `m/44'/60'/0'/1/${index}`,
  );
}

describe("gas of receipts", () => {
  it("pays 10,000 inferences by one transaction, for less than 100 gas each", async () => {
    const { ethers, operator, owner, later } = await openGasStage(ETHER);
    const deposits = await ethers.deployContract("Deposits");
    const domain = domainOf("Assay Deposits", await deposits.getAddress());
    const price = FINNEY / 1000n;
    const redeem = async (
      clients: readonly (readonly [client: string, signer: HDNodeWallet])[],
      total: bigint,
    ) => {
      const vouchers = clients.map(([client]) => ({ client, operator: operator.address, totalWei: total }));
      const signatures = await Promise.all(
        clients.map(([, signer], i) => signer.signTypedData(domain, VOUCHER, vouchers[i] ?? {})),
      );
      await later(60);
      return gasOf(deposits.connect(operator).redeem(vouchers, signatures, operator.address));
    };
    const signer = walletOf(0);
    const one = [[owner.address, signer]] as const;
    await deposits.deposit(operator.address, signer.address, { value: 3n * ETHER });
    const before = await ethers.provider.getBalance(await deposits.getAddress());
    const total = BigInt(INFERENCES) * price;
    const figures = { first: await redeem(one, total), later: await redeem(one, 2n * total) };
    expect(await ethers.provider.getBalance(await deposits.getAddress())).to.equal(before - 2n * total);
    expect(figures.later / INFERENCES).to.be.below(100);

    const clients = (await ethers.getSigners()).slice(2, 20);
    const many = await Promise.all(
      clients.map(async (client, i) => {
        await deposits.connect(client).deposit(operator.address, walletOf(i + 1).address, { value: ETHER });
        return [client.address, walletOf(i + 1)] as const;
      }),
    );
    const batch = Math.round((await redeem(many, total)) / many.length);
    expect(batch).to.be.below(figures.first);
    expectSnapshot("receipts", { redeem: { ...figures, eachOf18Clients: batch } }, SNAPSHOT_SHARE);
  });
});
