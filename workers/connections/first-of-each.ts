/**
 * The items without those whose name an earlier one has. Two items of another system may get one name here: what
 * defines them refuses the second, and so does the server, whose catalogue could not be built with both.
 */
export function firstOfEach<Item extends { name: string }>(
  items: readonly Item[],
  nameOf: (item: Item) => string = ({ name }) => name,
): Item[] {
  const found = new Map<string, Item>();
  for (const item of items) if (!found.has(nameOf(item))) found.set(nameOf(item), item);
  return [...found.values()];
}
