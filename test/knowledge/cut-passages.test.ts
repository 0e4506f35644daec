import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutPassages, MAX_PASSAGES } from "../../workers/knowledge/markdown/cut-passages.ts";
import { nameDocument } from "../../workers/knowledge/markdown/name-document.ts";
import { type DescribingAi, describeBytes } from "../../workers/knowledge/media/describe-bytes.ts";
import { readQuestion } from "../../workers/knowledge/search/build-match.ts";
import { cutSnippet } from "../../workers/knowledge/search/cut-snippet.ts";

const join = (passages: readonly { body: string }[]) => passages.map((passage) => passage.body).join("");

/** Lines of headings, fences, comments and lists, in any order. */
const markdown = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "# One",
        "## Two",
        "### Three ##",
        "====",
        "----",
        "```",
        "````ts",
        "~~~",
        "<!--",
        "-->",
      ),
      fc.constantFrom(
        "- item",
        "1. ```",
        "  ```",
        "> # quoted",
        "    # code",
        "| a | b |",
        "",
        "",
        "text",
        "#no",
      ),
      fc.string({ unit: "grapheme", maxLength: 40 }),
      fc.integer({ min: 1, max: 4_000 }).map((length) => "word ".repeat(length)),
    ),
    { maxLength: 60 },
  )
  .map((lines) => lines.join("\n"));

describe("cutting an article into passages", () => {
  it("gives the article back when the passages are concatenated", () => {
    fc.assert(fc.property(markdown, (body) => join(cutPassages("Title", body)) === body));
  });

  it("never takes a line of fenced code for a heading", () => {
    const code = fc.array(fc.constantFrom("# comment", "## other", "Title", "=====", "-----", ""), {
      maxLength: 30,
    });
    const fence = fc.constantFrom("```", "````", "~~~", "- ```", "> ~~~");
    fc.assert(
      fc.property(fence, code, (open, lines) => {
        const marks = open.replace(/[^`~]/g, "");
        const passages = cutPassages(
          "T",
          `# Real\n\n${open}sh\n${lines.join("\n")}\n${marks}\n\n## Next\n\nEnd.`,
        );
        expect([...new Set(passages.map((passage) => passage.heading))]).toEqual(["Real", "Real › Next"]);
      }),
    );
  });

  it("stays below its limit and fast for the largest articles", () => {
    for (const line of ["# a\n", "a\n\n", "a\n-\n\n", "``` `\n", "x", "- ", "[a](", "<a", "# a\n```\n"]) {
      const body = line.repeat(Math.floor((256 * 1024) / line.length));
      const passages = cutPassages("T", body);
      expect(passages.length).toBeLessThanOrEqual(MAX_PASSAGES);
      expect(join(passages)).toBe(body);
    }
  });

  it("names the headings above a passage and their fragment as GitHub does", () => {
    const body =
      "# Guide\n\nIntro.\n\nSet it *up*!\n---------\n\nSteps.\n\n### On `macOS` & [Linux](x)\n\nMore.\n\n## Set it up\n\nAgain.\n";
    expect(
      cutPassages("Guide", body).map(({ level, anchor, heading }) => ({ level, anchor, heading })),
    ).toEqual([
      { level: 1, anchor: "guide", heading: "" },
      { level: 2, anchor: "set-it-up", heading: "Set it up!" },
      { level: 3, anchor: "on-macos--linux", heading: "Set it up! › On macOS & Linux" },
      { level: 2, anchor: "set-it-up-1", heading: "Set it up" },
    ]);
  });

  it.each([
    ["a table", "a | b\n--- | ---\n1 | 2\n"],
    ["a list before a rule", "- item\n---\nAfter\n"],
    ["a paragraph of two lines before a rule", "one\ntwo\n---\n"],
    ["a hash tag", "#tag is no heading\n"],
    ["indented code", "    # comment\n"],
    ["a comment", "<!--\n# hidden\n-->\n"],
  ])("finds no heading in %s", (_what, body) => {
    expect(cutPassages("T", body).every((passage) => passage.heading === "")).toBe(true);
  });

  it("keeps a heading without text together with the text that follows", () => {
    const passages = cutPassages("T", "# A\n\n## B\n\nText.\n\n## C\n");
    expect(passages).toMatchObject([{ anchor: "b", heading: "A › B" }]);
  });

  it("cuts long sections between paragraphs and leaves code whole", () => {
    const code = `\`\`\`\n${"line\n\n".repeat(400)}\`\`\`\n`;
    const passages = cutPassages("T", `${"Some words here.\n\n".repeat(150)}${code}\nEnd.\n`);
    expect(passages.length).toBeGreaterThan(2);
    expect(passages.some((passage) => passage.body.includes(code))).toBe(true);
  });
});

describe("a cut through stored text", () => {
  it("never halves a character: not in headings, fragments, titles, passages, snippets or captions", async () => {
    const text = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 90, max: 20_010 }));
    await fc.assert(
      fc.asyncProperty(text, async ([before, length]) => {
        const pairs = "a".repeat(before) + "𠮷".repeat(length / 2);
        const headings = Array.from({ length: 4 }, (_, depth) => {
          const level = "#".repeat(depth + 1);
          return `${level} ${"a".repeat(before)}${"𠮷".repeat(60)}${depth}\n\nText ${pairs}\n`;
        });
        const passages = cutPassages("Title", headings.join("\n"));
        for (const { heading, anchor, body } of passages) {
          for (const part of [heading, anchor, body]) expect(part.isWellFormed()).toBe(true);
        }
        const snippet = cutSnippet(`${pairs}${pairs}`, readQuestion("nothing"));
        const title = nameDocument("a.md", "", pairs);
        const said = { run: async () => ({ text: pairs.repeat(6) }) } as unknown as DescribingAi;
        const caption = await describeBytes(said, "audio/mpeg", new Uint8Array(1));
        for (const part of [snippet, title, caption.text]) {
          expect(part.isWellFormed()).toBe(true);
          expect(part).not.toContain("\u{FFFD}");
        }
      }),
      { numRuns: 60 },
    );
  });
});
