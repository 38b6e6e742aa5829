/** Who has models now: they can be given away (ERC-721), which no event of ours tells. */
import { useQuery } from "@tanstack/react-query";
import { address, type Hex } from "../../../sdk/src/structs.ts";
import { useReading, useSnapshot } from "./context.tsx";

const REFRESH_MS = 15_000;

/** By model; whoever created it until the chain has been asked. */
export function useOwners(modelIds: readonly bigint[]): ReadonlyMap<bigint, Hex> {
  const { source, contracts } = useReading();
  const { ledger } = useSnapshot();
  const models = [...new Set(modelIds)].sort((a, b) => (a < b ? -1 : 1));
  const { data } = useQuery({
    queryKey: [source.name, "owners", ...models.map(String)],
    queryFn: async () => {
      const owners = await Promise.all(
        models.map(async (model) => address.parse(await contracts.registry.ownerOf(model))),
      );
      return new Map(models.map((model, i) => [model, owners[i]]));
    },
    refetchInterval: REFRESH_MS,
  });
  return new Map(
    models.flatMap((model) => {
      const owner = data?.get(model) ?? ledger.models.get(model)?.owner;
      return owner === undefined ? [] : [[model, owner] as const];
    }),
  );
}
