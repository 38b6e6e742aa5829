/**
 * One module for each contract, so that what is there already is left out. Ignition's create2 strategy sends them through CreateX.
 * Vault, court and game know each other by constructor immutables, so their addresses must not depend on their code: those of the
 * market and of receipts go by CREATE3 (scripts/deploy/plan.ts), of which Ignition needs no artifact but CreateX's.
 */
import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { CREATE_X, CREATE_X_ARTIFACT } from "../../scripts/deploy/createx.ts";
import type { Step } from "../../scripts/deploy/plan.ts";

export function moduleOf({ name, kind, args, salt, initCode }: Step) {
  return buildModule(name, (m) => {
    if (kind === "deployCreate2") m.contract(name, [...args]);
    else m.call(m.contractAt("CreateX", CREATE_X_ARTIFACT, CREATE_X), kind, [salt, initCode]);
    return {};
  });
}
