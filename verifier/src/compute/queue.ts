/** What waits, in order. */

export interface Queue<T> {
  add(item: T): void;
  remove(item: T): void;
  first(): T | undefined;
  readonly length: number;
  all(): readonly T[];
}

/**
 * @param urgency The least goes first.
 * @param age Of items as urgent, the least goes first; no two items have the same.
 */
export function createQueue<T>(urgency: (item: T) => number, age: (item: T) => number): Queue<T> {
  const items: T[] = [];

  function before(a: T, b: T): boolean {
    const [left, right] = [urgency(a), urgency(b)];
    return left < right || (left === right && age(a) < age(b));
  }

  /** Where an item is, or should be. */
  function find(item: T): number {
    let [low, high] = [0, items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = items[middle];
      if (at !== undefined && before(at, item)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    add: (item) => void items.splice(find(item), 0, item),
    remove(item) {
      const at = find(item);
      if (items[at] === item) items.splice(at, 1);
    },
    first: () => items[0],
    all: () => [...items],
    get length() {
      return items.length;
    },
  };
}
