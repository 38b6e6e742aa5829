/** TypeChain's handles and ABIs of the contracts that callers meet; from here alone, so that nothing else is bundled. */
export { Authority__factory } from "../../types/ethers-contracts/factories/market/Authority__factory.js";
export { Governed__factory } from "../../types/ethers-contracts/factories/market/Governed__factory.js";
export { IDisputeGame__factory } from "../../types/ethers-contracts/factories/interfaces/IDisputeGame__factory.js";
export { IInferenceMarket__factory } from "../../types/ethers-contracts/factories/interfaces/IInferenceMarket__factory.js";
export { IModelRegistry__factory } from "../../types/ethers-contracts/factories/interfaces/IModelRegistry__factory.js";
export { IOperatorDirectory__factory } from "../../types/ethers-contracts/factories/interfaces/IOperatorDirectory__factory.js";
export { IReferee__factory } from "../../types/ethers-contracts/factories/interfaces/IReferee__factory.js";
export { IVault__factory } from "../../types/ethers-contracts/factories/interfaces/IVault__factory.js";
export { Referee__factory } from "../../types/ethers-contracts/factories/referee/Referee__factory.js";
export type { Governed } from "../../types/ethers-contracts/market/Governed.js";
export type { IDisputeGame } from "../../types/ethers-contracts/interfaces/IDisputeGame.js";
export type { IInferenceMarket } from "../../types/ethers-contracts/interfaces/IInferenceMarket.js";
export type { IModelRegistry } from "../../types/ethers-contracts/interfaces/IModelRegistry.js";
export type { IOperatorDirectory } from "../../types/ethers-contracts/interfaces/IOperatorDirectory.js";
export type { IReferee } from "../../types/ethers-contracts/interfaces/IReferee.js";
export type { IVault } from "../../types/ethers-contracts/interfaces/IVault.js";
