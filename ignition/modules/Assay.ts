/**
 * Everything that one deployment consists of, in two steps: vault, market and game know each other by constructor immutables, so
 * their addresses must be known before they exist. `Foundation` comes first; then the deployer's nonce gives those addresses
 * (scripts/deployment.ts), and `Assay` deploys the three in exactly this order, then the directory.
 */
import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

export const Foundation = buildModule("Foundation", (m) => {
  const scalars = m.contract("Scalars");
  const interpreter = m.contract("Interpreter", [scalars]);
  const referee = m.contract("Referee", [interpreter]);
  const authority = m.contract("Authority", [m.getParameter<string>("admin")], { after: [referee] });
  const registry = m.contract("ModelRegistry", [], { after: [authority] });
  return { referee, authority, registry };
});

export const Assay = buildModule("Assay", (m) => {
  const address = (name: string) => m.getParameter<string>(name);
  const vault = m.contract("Vault", [
    address("registry"),
    address("market"),
    address("game"),
    address("treasury"),
  ]);
  const market = m.contract(
    "InferenceMarket",
    [
      address("authority"),
      address("registry"),
      vault,
      address("game"),
      m.getParameter<number>("floorSeconds"),
      m.getParameter("parameters"),
    ],
    { after: [vault] },
  );
  const game = m.contract("DisputeGame", [market, vault, address("referee")], { after: [market] });
  // Nobody needs to know where it is, so it comes last.
  const directory = m.contract("OperatorDirectory", [], { after: [game] });
  return { vault, market, game, directory };
});

export default Assay;
