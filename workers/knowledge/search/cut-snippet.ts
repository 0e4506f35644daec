import { isUnspaced } from "../../../shared/text/segment-words.ts";
import { cutText } from "../../../shared/text/well-formed.ts";
import type { Question } from "./build-match.ts";
import { FOUND_FROM, FOUND_TO, markWords } from "./mark-words.ts";
import { tokenize } from "./tokenize.ts";

/** Length of a snippet in words; letters of scripts without spaces count half. */
const SNIPPET_WORDS = 40;
/** Maximum characters of a passage to read. */
const MAX_LENGTH = 20_000;

/** Words as written, including invisible characters. */
const WORD = /[\p{L}\p{N}\p{Co}\p{M}\p{Default_Ignorable_Code_Point}]+/gu;
const LETTER = /\P{M}[\p{M}\p{Default_Ignorable_Code_Point}]*/gu;

interface Place {
  start: number;
  end: number;
  size: number;
  /** The matching stem, if the word has one. */
  found: string | undefined;
}

/**
 * The part of a passage that covers most of a query, about 40 words, with the found words between `**`.
 * Links, addresses and code stay unchanged. The beginning of the passage if it has no word of the query.
 */
export function cutSnippet(passage: string, question: Question): string {
  const text = cutText(passage, MAX_LENGTH);
  const places = findPlaces(text, question);
  const { first, last } = chooseStretch(places);
  const start = places[first]?.start ?? 0;
  const end = places[last]?.end ?? text.length;
  // Includes the punctuation at the start or end of the passage.
  const [from, to] = [first === 0 ? 0 : start, last >= places.length - 1 ? text.length : end];
  const shown = mark(text, places.slice(first, last + 1), from, to);
  return markWords(`${first > 0 ? "…" : ""}${shown}${to < passage.length ? "…" : ""}`);
}

function findPlaces(text: string, { terms, phrases }: Question): Place[] {
  const stems = new Set([
    ...terms.filter(({ prefix }) => !prefix).map(({ stem }) => stem),
    ...phrases.flat().flatMap(tokenize),
  ]);
  const beginnings = terms.filter(({ prefix }) => prefix).map(({ text: begun }) => begun);
  const find = (stem: string | undefined) => {
    if (stem === undefined) return undefined;
    return stems.has(stem) ? stem : beginnings.find((begun) => stem.startsWith(begun));
  };
  return Array.from(text.matchAll(WORD)).flatMap(({ 0: word, index }) => {
    const end = index + word.length;
    if (!hasUnspaced(word)) return [{ start: index, end, size: 1, found: find(tokenize(word)[0]) }];
    const letters = Array.from(word.matchAll(LETTER), (letter) => ({
      text: letter[0],
      start: index + letter.index,
    }));
    const places = letters.map(
      ({ text: letter, start }): Place => ({
        start,
        end: start + letter.length,
        size: 0.5,
        found: undefined,
      }),
    );
    letters.forEach(({ text: letter }, at) => {
      const next = letters[at + 1];
      const pair = next === undefined ? undefined : find(tokenize(letter + next.text)[0]);
      const single = find(tokenize(letter).at(-1));
      for (const [place, found] of [
        [places[at], pair ?? single],
        [places[at + 1], pair],
      ] as const) {
        if (place) place.found ??= found;
      }
    });
    return places;
  });
}

function hasUnspaced(word: string): boolean {
  return !/^[\p{Script=Latin}\p{N}]*$/u.test(word) && Array.from(word).some(isUnspaced);
}

/** Prefers most distinct words, then most words, then the earliest part. */
function chooseStretch(places: readonly Place[]): { first: number; last: number } {
  let best = { first: 0, last: endOf(places, 0), worth: worthOf(places, 0, endOf(places, 0)) };
  for (const [at, { found }] of places.entries()) {
    if (found === undefined) continue;
    // Starts a few words before the first hit, for context.
    const first = Math.max(0, at - 8);
    const last = endOf(places, first);
    const worth = worthOf(places, first, last);
    if (worth > best.worth) best = { first, last, worth };
  }
  return best;
}

function endOf(places: readonly Place[], first: number): number {
  let size = 0;
  let last = first;
  while (last < places.length && size + (places[last]?.size ?? 0) <= SNIPPET_WORDS) {
    size += places[last]?.size ?? 0;
    last++;
  }
  return last - 1;
}

function worthOf(places: readonly Place[], first: number, last: number): number {
  const found = places
    .slice(first, last + 1)
    .flatMap((place) => (place.found === undefined ? [] : [place.found]));
  return new Set(found).size * 100 + Math.min(99, found.length);
}

/** The text from `from` to `to`, with marks around the found words. */
function mark(text: string, places: readonly Place[], from: number, to: number): string {
  const marked: { start: number; end: number }[] = [];
  for (const { start, end, found } of places) {
    if (found === undefined) continue;
    const before = marked.at(-1);
    if (before?.end === start) before.end = end;
    else marked.push({ start, end });
  }
  let shown = "";
  let done = from;
  for (const { start, end } of marked) {
    shown += `${text.slice(done, start)}${FOUND_FROM}${text.slice(start, end)}${FOUND_TO}`;
    done = end;
  }
  return shown + text.slice(done, to);
}
