import fc from "fast-check";
import { METRICS } from "../../workers/analytics/semantic-layer.ts";

/** The metrics' names as candidates. */
export const names = METRICS.map(({ name, synonyms }) => ({ name, others: synonyms, value: name }));

/** A metric's name of some length with one character omitted, doubled, replaced or swapped with the next. */
export const editedOnce = fc
  .record({
    name: fc.constantFrom(...METRICS.map(({ name }) => name).filter((name) => name.length > 6)),
    place: fc.nat(),
    edit: fc.constantFrom("leave out", "double", "replace", "swap"),
  })
  .map(({ name, place, edit }) => {
    const at = 1 + (place % (name.length - 2));
    const [head, letter, next, tail] = [name.slice(0, at), name[at], name[at + 1], name.slice(at + 2)];
    if (edit === "leave out") return { name, written: head + next + tail };
    if (edit === "double") return { name, written: head + letter + letter + next + tail };
    if (edit === "replace") return { name, written: `${head}x${next}${tail}` };
    return { name, written: head + next + letter + tail };
  });
