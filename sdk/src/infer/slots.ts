/** So many at a time, by key; the others wait, first come first served. */
export function createSlots(size: number): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const taken = new Map<string, { count: number; readonly waiting: (() => void)[] }>();
  return async (key, work) => {
    const here = taken.get(key) ?? { count: 0, waiting: [] };
    taken.set(key, here);
    if (here.count >= size) await new Promise<void>((free) => here.waiting.push(free));
    else here.count++;
    try {
      return await work();
    } finally {
      const next = here.waiting.shift();
      if (next !== undefined) next();
      else if (--here.count === 0) taken.delete(key);
    }
  };
}
