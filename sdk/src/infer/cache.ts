/** Values that are asked for once, and then taken for true for a while. What fails is asked for again. */
export interface Cache<T> {
  (key: string, read: () => Promise<T>): Promise<T>;
  clear(): void;
}

/** @param now Unix seconds. */
export function createCache<T>(seconds: number, now: () => number): Cache<T> {
  const known = new Map<string, { readonly value: Promise<T>; readonly until: number }>();
  const cache = (key: string, read: () => Promise<T>): Promise<T> => {
    const kept = known.get(key);
    if (kept !== undefined && now() < kept.until) return kept.value;
    const value = read();
    known.set(key, { value, until: now() + seconds });
    value.catch(() => {
      if (known.get(key)?.value === value) known.delete(key);
    });
    return value;
  };
  return Object.assign(cache, { clear: () => known.clear() });
}
