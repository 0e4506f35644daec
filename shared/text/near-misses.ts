import { measureDistance } from "./edit-distance.ts";

/** At most three of `known` that a person may have meant, nearest first. */
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
