/** A chain with a long past: real events of the deployed contracts. */
import { Announcer__factory } from "../types/ethers-contracts/index.js";
import { exampleModel, publishFile, type World } from "../verifier/test/world.ts";

const PER_BLOCK = 100;
const URI = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";

/** A model's owner announces content, {@link PER_BLOCK} events in each block. */
export async function emitEvents(world: World, count: number): Promise<void> {
  const { chain, deployment, contracts } = world;
  const { releaseId, release } = await publishFile(world, exampleModel("digits"));
  const owner = chain.wallet(0);
  const announcer = await (await new Announcer__factory(owner).deploy()).waitForDeployment();
  const to = await announcer.getAddress();
  await (await contracts.registry.transferFrom(owner.address, to, release.modelId)).wait();
  const { registry } = deployment.addresses;
  const data = announcer.interface.encodeFunctionData("announce", [registry, releaseId, URI, PER_BLOCK]);
  // Anvil signs for its own accounts: signing here would take longer than everything else.
  const from = chain.wallet(1).address;
  const transaction = { from, to, data, gas: "0xe4e1c0" };
  await chain.provider.send("evm_setAutomine", [false]);
  for (let i = 0; i < count / PER_BLOCK; i++) {
    await chain.provider.send("eth_sendTransaction", [transaction]);
    await chain.provider.send("evm_mine", []);
  }
}
