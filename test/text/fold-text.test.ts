import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { foldText } from "../../shared/text/fold-text.ts";
import { isUnspaced, listWords, segmentQuery, segmentText } from "../../shared/text/segment-words.ts";
import { APART, SEGMENTS, SPELLINGS } from "./spellings.ts";

const anyText = fc.string({ unit: "grapheme", maxLength: 40 });

describe("folding a text", () => {
  it.each(SPELLINGS)("gives %s one form with its other spellings", (first, ...others) => {
    for (const other of others) expect(foldText(other)).toBe(foldText(first));
  });

  it.each(APART)("keeps %s and %s apart", (one, other) => {
    expect(foldText(one)).not.toBe(foldText(other));
  });

  it("changes nothing of a folded text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(foldText(foldText(text))).toBe(foldText(text));
      }),
    );
  });

  it("does not depend on how marks are composed", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(foldText(text.normalize("NFD"))).toBe(foldText(text.normalize("NFC")));
      }),
    );
  });

  it("folds ASCII as SQLite's lower() does", () => {
    const ascii = fc.string({ unit: "binary-ascii" });
    fc.assert(
      fc.property(ascii, (text) => {
        expect(foldText(text)).toBe(text.toLowerCase());
      }),
    );
  });
});

describe("cutting a text into words", () => {
  it.each(SEGMENTS)("cuts %s into the words of an index", (text, words) => {
    expect(listWords(text)).toEqual(words);
  });

  it("holds every query word of a text among the words of the text, one after the other", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const held = ` ${segmentText(text)}`;
        for (const word of segmentQuery(text)) expect(held).toContain(` ${word.text}`);
      }),
    );
  });

  it("finds every part of a text in a script without spaces", () => {
    const [text = ""] = SEGMENTS[0] ?? [];
    const letters = Array.from(text.replace("。", ""));
    for (let from = 0; from < letters.length; from++) {
      for (let to = from + 1; to <= letters.length; to++) {
        const [word] = segmentQuery(letters.slice(from, to).join(""));
        expect(` ${segmentText(text)}`).toContain(` ${word?.text}`);
      }
    }
  });

  it("leaves no mark that FTS5 would split a Thai or Indic word at", () => {
    for (const text of ["คืนเงิน", "हिन्दी में", "বাংলা", "தமிழ்", "ជំនួយ", "အလုပ်"]) {
      expect(listWords(text).join(""), text).not.toMatch(/\p{M}/u);
    }
  });

  it("distinguishes texts of scripts without spaces from others", () => {
    expect(isUnspaced("山田")).toBe(true);
    expect(isUnspaced("山田 Taro")).toBe(false);
    expect(isUnspaced("—")).toBe(false);
  });
});
