/** A chain process of its own with a referee alone, for judging many steps. */
import { network } from "hardhat";
import { startAnvil } from "./anvil.ts";
import { deployReferee } from "./deployment.ts";

export async function openRefereeChain() {
  const anvil = await startAnvil();
  const connection = await network.create({ network: "local", override: { url: anvil.url } });
  const referee = await deployReferee(connection);
  const close = async (): Promise<void> => {
    await connection.close();
    await anvil.stop();
  };
  return { connection, referee, close };
}
