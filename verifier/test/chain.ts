/** A real chain for tests: an anvil process with the contracts deployed by the project's own deployment. */
import { HDNodeWallet, JsonRpcProvider, Wallet } from "ethers";
import { network } from "hardhat";
import { startAnvil } from "../../scripts/anvil.ts";
import { deployAssay, describeDeployment } from "../../scripts/deployment.ts";
import type { NetworkParameters } from "../../scripts/networks.ts";
import type { Deployment } from "../../sdk/src/deployment.ts";

/** The first accounts of anvil's well-known development mnemonic; worthless anywhere else. */
const MNEMONIC = "test test test test test test test test test test test junk";

export interface TestChain {
  readonly url: string;
  readonly provider: JsonRpcProvider;
  /** A funded account. */
  wallet(index: number): Wallet;
  stop(): Promise<void>;
}

export async function startChain(): Promise<TestChain> {
  const anvil = await startAnvil();
  const { url } = anvil;
  const provider = new JsonRpcProvider(url, 31337, { staticNetwork: true, cacheTimeout: -1 });
  return {
    url,
    provider,
    wallet: (index) => {
      const path = `m/44'/60'/0'/0/${index}`;
      return new Wallet(HDNodeWallet.fromPhrase(MNEMONIC, undefined, path).privateKey, provider);
    },
    stop: async () => {
      provider.destroy();
      await anvil.stop();
    },
  };
}

/** @param rules Those of a development chain by default. */
export async function deployTo(url: string, rules?: NetworkParameters): Promise<Deployment> {
  const connection = await network.create({ network: "local", override: { url } });
  const deployed = await deployAssay(connection, rules === undefined ? {} : { network: rules });
  const deployment = await describeDeployment(deployed);
  await connection.close();
  return deployment;
}
