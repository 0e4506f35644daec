import { expect, it } from "vitest";
import { foldText } from "../../shared/text/fold-text.ts";
import { listWords } from "../../shared/text/segment-words.ts";
import { APART, SEGMENTS, SPELLINGS } from "../text/spellings.ts";

it("folds and splits texts in Node, where articles are imported, as in workerd, where they are searched", () => {
  for (const [first = "", ...others] of SPELLINGS) {
    for (const other of others) expect(foldText(other)).toBe(foldText(first));
  }
  for (const [one, other] of APART) expect(foldText(one)).not.toBe(foldText(other));
  for (const [text, words] of SEGMENTS) expect(listWords(text)).toEqual(words);
});
