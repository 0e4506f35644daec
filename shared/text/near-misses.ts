/** At most three of `known` that resemble the text, nearest first. */
export function findNearMisses(text: string, known: readonly string[]): string[] {
  const plain = text.replaceAll("*", "");
  const allowed = Math.max(2, Math.floor(plain.length / 3));
  return [...new Set(known)]
    .map((name) => ({ name, distance: measureDistance(plain, name) }))
    .filter(({ name, distance }) => distance <= allowed || (plain.length > 2 && name.includes(plain)))
    .sort((one, other) => one.distance - other.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein distance: the number of characters to insert, delete or replace. */
export function measureDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, character] of [...one].entries()) {
    const next = [index + 1];
    for (const [column, candidate] of [...other].entries()) {
      const changed = (row[column] ?? 0) + (character === candidate ? 0 : 1);
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
