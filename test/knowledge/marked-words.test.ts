import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FOUND_FROM, FOUND_TO, markWords } from "../../workers/knowledge/search/mark-words.ts";

/** A snippet from the index; `{` and `}` stand for its marks. */
const mark = (text: string) => markWords(text.replaceAll("{", FOUND_FROM).replaceAll("}", FOUND_TO));

describe("the marks around found words", () => {
  it.each([
    ["our {refund} policy", "our **refund** policy"],
    ["({refund}), {refund}s.", "(**refund**), **refund**s."],
    [
      "see https://shop.example/{refund}/policy?x={refund} now",
      "see https://shop.example/refund/policy?x=refund now",
    ],
    [
      "[The {refund} policy](https://a.example/{refund}_(law)) says",
      "[The **refund** policy](https://a.example/refund_(law)) says",
    ],
    ['[{refund}](a.md "{refund} title") and {refund}', '[**refund**](a.md "refund title") and **refund**'],
    [
      "mail {refund}@shop.example or {refund}s.shop.example",
      "mail refund@shop.example or refunds.shop.example",
    ],
    [
      "[{refund} text][{refund}] [{refund}]: https://a.example",
      "[**refund** text][refund] [refund]: https://a.example",
    ],
    [
      '<https://a.example/{refund}> <a href="{refund} x">{refund}</a>',
      '<https://a.example/refund> <a href="refund x">**refund**</a>',
    ],
    ["kb://articles/{refund}-policy#{refund}", "kb://articles/refund-policy#refund"],
    ["run `{refund} --all` in /etc/{refund}", "run `refund --all` in /etc/refund"],
    ["…/{refund}/policy {refund}", "…/refund/policy **refund**"],
    ["![{refund}]({refund}.png)", "![**refund**](refund.png)"],
    ["a < b {refund} > c", "a < b refund > c"],
  ])("%s reads %s", (given, expected) => {
    expect(mark(given)).toBe(expected);
  });

  it("change only words between spaces, for any text", () => {
    const piece = fc.constantFrom(
      "{",
      "}",
      "refund",
      "https://a.example/",
      "](",
      ")",
      "[",
      "`",
      "<",
      ">",
      "@",
      ".",
      " ",
      "/",
      "x",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join("");
        const plain = text.replace(/[{}]/g, "").replace(/\s+/g, " ").trim();
        expect(mark(text).replaceAll("**", "").replace(/\s+/g, " ").trim()).toBe(plain);
        // An address between < and > ends there, and a word after it may be marked.
        for (const url of mark(text).match(/https:\/\/[^\s<>`]*/g) ?? []) expect(url).not.toContain("*");
      }),
    );
  });
});
