import { measureDistance } from "../../shared/text/edit-distance.ts";
import { foldText } from "../../shared/text/fold-text.ts";
/** Result of resolving a name. */
export type Resolution<T> =
  | { kind: "exact"; value: T }
  /** A synonym or a misspelling; the answer names the interpretation. */
  | { kind: "read_as"; value: T }
  | { kind: "unknown"; closest: string[] };

/** A value that callers can name in several ways. */
export interface Named<T> {
  name: string;
  others: readonly string[];
  value: T;
}

/**
 * Resolves a name: by name, by synonym, or by the one candidate within a small edit distance (one edit per
 * four characters). Case, spaces, hyphens and underscores do not matter. Otherwise returns the closest names,
 * best first.
 */
export function resolveName<T>(text: string, candidates: readonly Named<T>[]): Resolution<T> {
  // No name is longer; the edit distance below takes time by length.
  const wanted = foldName(text.slice(0, 100));
  for (const candidate of candidates) {
    if (candidate.name === text || foldName(candidate.name) === wanted) {
      return { kind: "exact", value: candidate.value };
    }
  }
  const synonym = candidates.find(({ others }) => others.some((other) => foldName(other) === wanted));
  if (synonym) return { kind: "read_as", value: synonym.value };
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: nearestDistance(wanted, candidate) }))
    .sort((a, b) => a.distance - b.distance || a.candidate.name.localeCompare(b.candidate.name));
  const [first, second] = ranked;
  const slip = Math.floor(wanted.length / 4);
  if (first && first.distance <= slip && (!second || second.distance > first.distance)) {
    return { kind: "read_as", value: first.candidate.value };
  }
  return { kind: "unknown", closest: ranked.slice(0, 3).map(({ candidate }) => candidate.name) };
}

/** Normal form of a name: lower case without accents and separators. */
export function foldName(text: string): string {
  return foldText(text).replace(/[\s_\-./&]+/g, "");
}

function nearestDistance<T>(wanted: string, candidate: Named<T>): number {
  const spellings = [candidate.name, ...candidate.others].map(foldName);
  return Math.min(
    ...spellings.map((spelling) => {
      // A prefix of a name is closer than its edit distance says.
      const isPart =
        Math.min(wanted.length, spelling.length) >= 3 &&
        (spelling.includes(wanted) || wanted.includes(spelling));
      const distance = measureDistance(wanted, spelling);
      return isPart ? Math.min(distance, wanted.length / 2) : distance;
    }),
  );
}
