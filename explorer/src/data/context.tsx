/** The source and what has been read of it, for all pages. */
import { createContext, use, useSyncExternalStore } from "react";
import { useQuery, keepPreviousData, type UseQueryResult } from "@tanstack/react-query";
import { connect, type Contracts } from "../../../sdk/src/contracts.ts";
import { AssayError } from "../../../sdk/src/error.ts";
import type { Source } from "./source.ts";
import type { Snapshot, Store } from "./store.ts";

export interface Reading {
  readonly source: Source;
  readonly store: Store;
  readonly contracts: Contracts;
}

export function readingOf(source: Source, store: Store): Reading {
  return { source, store, contracts: connect(source.deployment, source.runner) };
}

export const ReadingContext = createContext<Reading | undefined>(undefined);

export function useReading(): Reading {
  const reading = use(ReadingContext);
  if (reading === undefined) throw new AssayError("BAD_CONFIG", "there is no source to read from");
  return reading;
}

export function useSnapshot(): Snapshot {
  const { store } = useReading();
  return useSyncExternalStore(store.subscribe, store.get);
}

/** Time of the newest block; before it is known, this device's. */
export function useNow(): number {
  const { head } = useSnapshot();
  return head?.timestamp ?? Math.floor(Date.now() / 1000);
}

/** What the contracts or the node say now; asked again when there is another block. */
export function useChain<T>(
  key: readonly (string | number)[],
  ask: (reading: Reading) => Promise<T>,
): UseQueryResult<T> {
  const reading = useReading();
  const { head } = useSnapshot();
  return useQuery({
    queryKey: [reading.source.name, ...key, head?.number ?? 0],
    queryFn: () => ask(reading),
    placeholderData: keepPreviousData,
    enabled: head !== undefined,
  });
}

/** What never changes once it is there. */
export function useFixed<T>(
  key: readonly (string | number)[],
  ask: (reading: Reading) => Promise<T>,
): UseQueryResult<T> {
  const reading = useReading();
  return useQuery({
    queryKey: [reading.source.name, ...key],
    queryFn: () => ask(reading),
    staleTime: Infinity,
    gcTime: Infinity,
  });
}
