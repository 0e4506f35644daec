import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { compareWithPage, configuration, type Setting } from "../../scripts/check/configuration.ts";
import { findBrokenLinks, links } from "../../scripts/check/links.ts";
import { listSourceFiles } from "../../scripts/check/source-files.ts";
import { ROOT } from "../../scripts/local/root.ts";

const page = `# Configuration

## Variables

| name | what | default |
|---|---|---|
| \`PUBLIC_URL\` | The address. **required** | \`https://gatehouse.example.com\` |

## Bindings

| name | what | bound to |
|---|---|---|
| \`*_AGENT\` | Sessions. **required** | a class |
`;

const publicUrl: Setting = {
  name: "PUBLIC_URL",
  section: "Variables",
  mentions: ["https://gatehouse.example.com"],
  required: true,
};
const agent: Setting = { name: "CRM_AGENT", section: "Bindings", mentions: [], required: true };

describe("the reference of the configuration", () => {
  it("is what the code uses today", async () => {
    expect((await configuration.run()).findings).toEqual([]);
  });

  it("passes when every setting has its row, one row standing for all that its pattern matches", () => {
    expect(compareWithPage(page, [publicUrl, agent, { ...agent, name: "GATEWAY_AGENT" }])).toEqual([]);
  });

  it("names a setting without a row, and one whose row is under another heading", () => {
    const secret: Setting = { name: "NEW_KEY", section: "Secrets", mentions: [], required: true };
    expect(compareWithPage(page, [publicUrl, agent, secret])).toEqual([
      "docs/configuration.md: NEW_KEY has no row under «Secrets».",
    ]);
    expect(compareWithPage(page, [{ ...publicUrl, section: "Secrets" }, agent])).toContain(
      "docs/configuration.md: PUBLIC_URL has no row under «Secrets».",
    );
  });

  it("names a default that has changed, and a row that says the wrong thing about being required", () => {
    expect(compareWithPage(page, [{ ...publicUrl, mentions: ["https://other.example"] }, agent])).toEqual([
      "docs/configuration.md:7 does not say https://other.example in the row of PUBLIC_URL.",
    ]);
    expect(compareWithPage(page, [{ ...publicUrl, required: false }, agent])).toEqual([
      "docs/configuration.md:7 says that PUBLIC_URL is required; the Worker serves without it.",
    ]);
  });

  it("names a row of something that nothing uses any more", () => {
    expect(compareWithPage(page, [agent])).toEqual([
      "docs/configuration.md:7 names PUBLIC_URL, which nothing uses.",
    ]);
  });
});

describe("links between the pages", () => {
  it("all lead somewhere today", async () => {
    expect((await links.run()).findings).toEqual([]);
  });

  it("names a source file that a page mentions and that is gone, and lets the history keep it", () => {
    const text = "`shared/a.ts` calls `shared/b.ts` and `workers/<server>/tools/<name>.ts`.\n";
    const exists = (file: string) => file === "shared/a.ts";
    expect(findBrokenLinks(new Map([["docs/a.md", text]]), exists)).toEqual([
      "docs/a.md:1 names shared/b.ts, which does not exist.",
    ]);
    expect(findBrokenLinks(new Map([["CHANGELOG.md", text]]), exists)).toEqual([]);
  });

  it("names a missing file and a missing heading, and passes over code and the web", () => {
    const pages = new Map([
      [
        "README.md",
        "[a](docs/a.md#two-words) [b](docs/none.md) [c](docs/a.md#none) [d](https://x.example/y) [e](LICENSE)\n```\n[f](none)\n```\n",
      ],
      ["docs/a.md", "# A\n\n## Two *words*\n\n[back](../README.md)\n"],
    ]);
    expect(findBrokenLinks(pages, (file) => file === "LICENSE")).toEqual([
      "README.md:1 links to docs/none.md, which does not exist.",
      "README.md:1 links to docs/a.md#none, a heading that docs/a.md does not have.",
    ]);
  });
});

describe("the page on the architecture", () => {
  it("names all code outside of the guard's entrances that opens a server's store for a client", async () => {
    const files = await listSourceFiles(["shared", "workers"]);
    const opening: string[] = [];
    for (const file of files) {
      const text = await readFile(path.join(ROOT, file), "utf8");
      if (text.includes(".openStore(") && !/^shared\/guard\/[^/]+$/.test(file)) opening.push(file);
    }
    // handlers.ts reads resources and prompts inside of `guard()`.
    const outside = opening.filter((file) => file !== "shared/mcp/methods/handlers.ts");
    expect(outside).toEqual(["shared/guard/subscribers/read-unguarded.ts"]);
    const page = await readFile(path.join(ROOT, "docs/architecture.md"), "utf8");
    const [, chapter = ""] = page.split("## What reads outside of the guard");
    for (const file of outside) expect(chapter).toContain(`\`${file}\``);
  });
});

describe("the page on backups", () => {
  it("names every migration of Durable Objects with its classes, which no release can be rolled back past", async () => {
    const read = (file: string) => readFile(path.join(ROOT, file), "utf8");
    const [settings, page] = [await read("wrangler.toml"), await read("docs/backup.md")];
    const tags = [...settings.matchAll(/^tag = "v(\d+)"$/gm)].map(([, number]) => Number(number));
    const created = [...settings.matchAll(/^new_sqlite_classes = \[(.*)\]$/gm)];
    const rows = [...page.matchAll(/^\| `v(\d+)`(?: to `v(\d+)`)? \| (.*?) \|/gm)].map(
      ([, first, last, classes = ""]) => ({ first: Number(first), last: Number(last ?? first), classes }),
    );
    const ofRows = rows.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, index) => first + index),
    );
    expect(ofRows).toEqual(tags);
    const names = (text: string) => text.match(/\w+/g) ?? [];
    expect(rows.flatMap(({ classes }) => names(classes))).toEqual(
      created.flatMap(([, classes = ""]) => names(classes)),
    );
  });
});
