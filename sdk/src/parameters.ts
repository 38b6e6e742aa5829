/** Rules of one request, unpacked from `Request.parameters` (layout: contracts/market/Parameters.sol). */
export interface ParameterSet {
  readonly protocolFeeBps: number;
  /** Seconds. */
  readonly minWindow: number;
  readonly maxWindow: number;
  readonly operatorClock: number;
  readonly challengerClock: number;
  readonly challengerBondGwei: number;
  readonly selectDepositGwei: number;
  readonly responseGas: number;
  readonly turnEthSeconds: number;
}

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
