import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { convertHtml } from "../../scripts/knowledge/convert-html.ts";
import { convertPdf } from "../../scripts/knowledge/convert-pdf.ts";
import { decodeText } from "../../scripts/knowledge/decode-text.ts";
import { readFrontMatter } from "../../scripts/knowledge/front-matter.ts";
import { joinDivided } from "../../scripts/knowledge/join-lines.ts";
import { listFiles } from "../../scripts/knowledge/list-files.ts";
import { readDocument } from "../../scripts/knowledge/read-document.ts";

const load = async (name: string) =>
  new Uint8Array(await readFile(path.join(import.meta.dirname, "documents", name)));

async function read(name: string, bytes?: Uint8Array) {
  const result = await readDocument(name, bytes ?? (await load(name)));
  if ("skipped" in result) throw new Error(result.skipped);
  return { ...result.document, notes: result.notes };
}

describe("a PDF", () => {
  it("with fonts of predefined character maps gives its Chinese text", async () => {
    const { body, title } = await read("cid-zh.pdf");
    expect(body).toContain("退款政策 客户可以在三十天内申请退款");
    expect(title).toBe("Cid zh");
  });

  it("with a control character is imported without it, and the number of removed ones is reported", async () => {
    const { body, notes } = await read("one-control-character.pdf");
    expect(body).toMatch(/10 {1,2}10 mbar[\s\S]*plain text\./);
    expect(notes).toEqual(["1 control character was dropped"]);
  });

  it("keeps numbers that are alone on their lines", async () => {
    const { markdown } = await convertPdf(await load("report-year.pdf"));
    expect(markdown.split(/\n+/)).toEqual([
      "Annual report of the group",
      "2026",
      "Headcount at year end",
      "1432",
      "417",
    ]);
  });

  it("keeps the hyphens that belong to its words", async () => {
    const { markdown } = await convertPdf(await load("hyphen.pdf"));
    expect(markdown).toBe(
      "This is a well-known state-of-the-art method for information retrieval. The error is ORA-00942 and the word Haupt- und Nebenkosten.",
    );
  });

  it("loses its page numbers, with any text around them, and no other number", async () => {
    const page = (number: number, foot: string) => [`Text of part ${"abc"[number]} begins.`, "2026", foot];
    const three = await convertPdf(makePdf([0, 1, 2].map((number) => page(number, `- ${number + 4} -`))));
    expect(three.markdown).not.toMatch(/- \d -/);
    expect(three.markdown.match(/2026/g)).toHaveLength(3);
    const figures = await convertPdf(
      makePdf([
        ["Sums", "10"],
        ["Sums of parts", "25"],
        ["Others", "12"],
      ]),
    );
    expect(figures.markdown.split(/\s+/)).toEqual(expect.arrayContaining(["10", "25", "12"]));
    const two = await convertPdf(
      makePdf([
        ["One", "1"],
        ["Two", "2"],
      ]),
    );
    expect(two.markdown.split(/\s+/)).toEqual(["One", "Two"]);
  });
});

/** A PDF with these lines on its pages, 20 points apart. */
function makePdf(pages: readonly (readonly string[])[]): Uint8Array {
  const objects = ["<< /Type /Catalog /Pages 2 0 R >>"];
  const kids = pages.map((_, index) => `${4 + index * 2} 0 R`).join(" ");
  objects.push(`<< /Type /Pages /Kids [ ${kids} ] /Count ${pages.length} >>`);
  objects.push("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
  for (const [index, lines] of pages.entries()) {
    const show = lines.map((line) => `(${line}) Tj 0 -20 Td`).join("\n");
    const stream = `BT /F1 12 Tf 72 700 Td\n${show}\nET`;
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 612 792 ] /Contents ${5 + index * 2} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
      `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    );
  }
  let text = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const at = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(at).padStart(10, "0")} 00000 n \n`;
  });
  const start = text.length;
  const size = objects.length + 1;
  text += `xref\n0 ${size}\n0000000000 65535 f \n${offsets.join("")}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF`;
  return new TextEncoder().encode(text);
}

describe("a word that is divided at the end of a line", () => {
  it.each([
    ["infor-", "mation", [], "information"],
    ["co-", "operate", ["co-operate"], "co-operate"],
    ["well-", "ness", ["wellness"], "wellness"],
    ["Müller-", "Lüdenscheid", [], "Müller-Lüdenscheid"],
    ["2024-", "2026", [], "2024-2026"],
    ["pre-", "and post-war", [], "pre- and post-war"],
    ["Ein-", "oder Ausgang", [], "Ein- oder Ausgang"],
    ["infor\u00AD", "mation", [], "information"],
    ["sum –", "less", [], undefined],
  ])("%s %s is joined in its correct spelling", (before, after, words, expected) => {
    expect(joinDivided(before, after, new Set(words))).toBe(expected);
  });
});

describe("a web page", () => {
  it("inside of a form is a page", async () => {
    const { markdown } = convertHtml(new TextDecoder().decode(await load("aspnet.html")));
    expect(markdown).toContain("Every employee has thirty days of leave.");
    expect(markdown).toMatch(/\| Grade \| Days \|\n.*\n\| A +\| 30/);
  });

  it("keeps the header, asides and footer of its article, and takes its title from there", async () => {
    const { title, markdown } = convertHtml(new TextDecoder().decode(await load("article-header.html")));
    expect(title).toBe("How we rotate keys");
    for (const text of ["By the security team.", "Warning: never", "Source: RFC 7517"])
      expect(markdown).toContain(text);
    for (const text of ["Home", "Imprint"]) expect(markdown).not.toContain(text);
  });

  it("has white space between cells, items and blocks", async () => {
    const { markdown } = convertHtml(new TextDecoder().decode(await load("cells.html")));
    for (const text of [
      "Ana Rey<br>Bo Li",
      "Cy Fox<br>Di Woo",
      "Ed<br>Flo<br>Gus",
      "* One\n* Two",
      "More\n\ninside",
    ]) {
      expect(markdown).toContain(text);
    }
    expect(markdown).toMatch(/Term\n\nMeaning/);
    expect(markdown).toMatch(/\| A \| B \|[\s\S]*\| C \| D \|/);
    expect(markdown).toMatch(/left\n\nright/);
    expect(markdown).not.toMatch(/Copy|Opt/);
  });

  it("loses the header of the page, but not its only heading", () => {
    const page = (header: string) =>
      `<header><nav>Home</nav>${header}</header><main><p>Text</p></main><aside>Ads</aside>`;
    expect(convertHtml(page("<p>Claim</p>")).markdown).toBe("Text");
    expect(convertHtml(page("<h1>Leave</h1>"))).toEqual({ title: "", markdown: "# Leave\n\nText" });
  });
});

describe("the top of a Markdown file", () => {
  it("is front matter of any form of YAML, with a folded title in one line", async () => {
    expect(await read("folded.md")).toMatchObject({
      ...{
        title: "How to rotate signing keys",
        tags: ["security", "keys"],
        body: "Body text about rotation.\n",
      },
    });
    const flow = readFrontMatter('---\n{title: "A: b", tags: [x, 2, null], deep: {a: 1}}\n---\nText');
    expect(flow).toEqual({ fields: { title: "A: b", tags: ["x", "2", ""] }, body: "Text" });
    expect(readFrontMatter("---\ntitle: Keys: how to rotate\ndate: 2026-01-31\n...\nText").fields).toEqual({
      ...{ title: "Keys: how to rotate", date: "2026-01-31" },
    });
  });

  it("is text between two rules, also with a colon in it", async () => {
    const { body } = await read("rule.md");
    expect(body).toContain("Just a rule at the top");
    for (const text of [
      "---\nPlease note this: it is text.\n---\nMore",
      "---\n- a\n- b\n---\nMore",
      "---\nNo end",
    ]) {
      expect(readFrontMatter(text)).toEqual({ fields: {}, body: text });
    }
  });

  it("resolves no aliases", () => {
    const bomb = "---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\nText";
    expect(readFrontMatter(bomb)).toEqual({ fields: {}, body: bomb });
  });
});

describe("a text file", () => {
  const text = "Größe: 5 € – „Straße“";
  const wide = (littleEndian: boolean, mark: boolean) => {
    const units = [
      ...(mark ? [0xfeff] : []),
      ...Array.from(`${text} and plain words`, (unit) => unit.charCodeAt(0)),
    ];
    const view = new DataView(new ArrayBuffer(units.length * 2));
    for (const [index, unit] of units.entries()) view.setUint16(index * 2, unit, littleEndian);
    return new Uint8Array(view.buffer);
  };

  it.each([
    ["UTF-16, little end first", wide(true, true), "utf-16le"],
    ["UTF-16, big end first", wide(false, true), "utf-16be"],
    ["UTF-16 without a mark", wide(true, false), "utf-16le"],
  ])("in %s is decoded", async (_name, bytes, encoding) => {
    const { body, notes } = await read("a.txt", bytes);
    expect(body).toBe(`${text} and plain words`);
    expect(notes).toEqual([`read as ${encoding}`]);
  });

  it("in windows-1252 is decoded, and binary data is refused", async () => {
    const bytes = Uint8Array.from([0x47, 0x72, 0xf6, 0xdf, 0x65, 0x20, 0x80, 0x20, 0x93, 0x61, 0x94]);
    expect(await read("a.md", bytes)).toMatchObject({ body: "Größe € “a”", notes: ["read as windows-1252"] });
    expect(decodeText(Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 0xff]))).toBeUndefined();
  });

  it("that is a page is decoded by its own declaration", () => {
    const page = new TextEncoder().encode('<meta charset="windows-1251"><p>');
    const bytes = Uint8Array.from([...page, 0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2]);
    expect(decodeText(bytes, true)?.text).toContain("Привет");
  });
});

describe("a folder", () => {
  it("names the kinds of skipped files", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-"));
    try {
      for (const name of ["a.md", "b.docx", "c.DOCX", "d.pptx", "e.png", ".hidden.docx", "LICENSE"]) {
        await writeFile(path.join(folder, name), "x");
      }
      const { documents, others } = await listFiles(folder);
      expect(documents).toEqual(["a.md"]);
      expect(Object.fromEntries(others)).toEqual({ ".docx": 2, ".pptx": 1, LICENSE: 1 });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
