import { z } from "zod/v4";

const unsigned = z.number().int().nonnegative();

export const parameterSchema = z.object({
  protocolFeeBps: unsigned,
  /** Seconds. */
  minWindow: unsigned,
  maxWindow: unsigned,
  operatorClock: unsigned,
  challengerClock: unsigned,
  challengerBondGwei: unsigned,
  selectDepositGwei: unsigned,
  responseGas: unsigned,
  turnEthSeconds: unsigned,
});

/** Rules of one request, unpacked from `Request.parameters` (layout: contracts/market/Parameters.sol). */
export type ParameterSet = Readonly<z.infer<typeof parameterSchema>>;

export function unpackParameters(packed: bigint): ParameterSet {
  const field = (shift: bigint, bits: number): number => Number(BigInt.asUintN(bits, packed >> shift));
  return {
    protocolFeeBps: field(0n, 16),
    minWindow: field(16n, 24),
    maxWindow: field(40n, 24),
    operatorClock: field(64n, 24),
    challengerClock: field(88n, 24),
    challengerBondGwei: field(112n, 32),
    selectDepositGwei: field(144n, 32),
    responseGas: field(176n, 24),
    turnEthSeconds: field(200n, 16),
  };
}
