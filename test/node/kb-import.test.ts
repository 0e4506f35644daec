import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convertHtml } from "../../scripts/knowledge/convert-html.ts";
import type { ImportCounts } from "../../scripts/knowledge/destination.ts";
import { importFolder } from "../../scripts/knowledge/import-folder.ts";
import { openLocalDestination } from "../../scripts/knowledge/local-destination.ts";
import { type LocalDatabases, openLocalDatabases } from "../../scripts/local/databases.ts";
import { applyMigrations, readMigrations } from "../../scripts/local/migrate.ts";
import { readArticle } from "../../workers/knowledge/store/read-articles.ts";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==",
  "base64",
);
const PAGE = `<!doctype html><html><head><title>Parking &amp; bikes</title><script>alert(1)</script></head><body>
<nav><a href="/">Home</a></nav><h1>Parking</h1><p>Visitors park in <b>row C</b>.</p>
<table><tr><th>row</th><th>for</th></tr><tr><td>C</td><td>visitors</td></tr></table>
<p><img src="img/plan.png" alt="The plan"></p><footer>Imprint</footer></body></html>`;

/** A one-page PDF: a heading in large letters, and a paragraph of two lines. */
function makePdf(): string {
  const text =
    "BT /F 24 Tf 72 720 Td (Fire drill) Tj ET BT /F 11 Tf 72 680 Td (Leave the build-) Tj 0 -14 Td (ing by the stairs.) Tj ET";
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let file = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const offset = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, "0")} 00000 n \n`;
  });
  const table = `xref\n0 6\n0000000000 65535 f \n${offsets.join("")}`;
  return `${file}${table}trailer << /Size 6 /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF`;
}

describe("importing a folder of many kinds of files", () => {
  let folder: string;
  let databases: LocalDatabases;
  let db: D1Database;
  const skipped = new Map<string, string>();

  async function runImport(
    overrides: Partial<Parameters<typeof importFolder>[1]> = {},
  ): Promise<ImportCounts> {
    skipped.clear();
    const destination = await openLocalDestination({
      db,
      bucket: databases.media,
      collection: { slug: "office", title: "Office" },
      author: { id: "kb-import", name: "Import" },
      now: new Date("2026-03-01T12:00:00Z"),
    });
    const onSkip = (file: string, reason: string) => skipped.set(file, reason);
    return importFolder(destination, { folder, onSkip, ...overrides });
  }

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-import-"));
    await mkdir(path.join(folder, "img"));
    await writeFile(path.join(folder, "img/plan.png"), PNG);
    await writeFile(path.join(folder, "img/fake.png"), "<svg onload=alert(1)>");
    await writeFile(path.join(folder, "parking.html"), PAGE);
    await writeFile(path.join(folder, "drill.pdf"), makePdf());
    await writeFile(path.join(folder, "broken.pdf"), "%PDF-1.4 nothing more");
    await writeFile(
      path.join(folder, "rooms.md"),
      '# Rooms\n\n![plan](./img/plan.png "Ours") ![bad](img/fake.png) [up](../../etc/passwd.png) [web](https://example.com/a.png)\n',
    );
    await writeFile(path.join(folder, "rooms-copy.md"), "Only once.");
    await writeFile(path.join(folder, "rooms-copy-2.md"), "Only once.");
    databases = await openLocalDatabases(null);
    const knowledge = databases.all.find(({ binding }) => binding === "KNOWLEDGE_DB");
    if (!knowledge) throw new Error("no database");
    db = knowledge.connection;
    await applyMigrations(db, await readMigrations(knowledge.migrationsFolder));
  });

  afterAll(async () => {
    await databases.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("continues after an interruption, names each failed file, and recognises a duplicate text", async () => {
    const progress: string[] = [];
    const stopped = runImport({
      onProgress: (done, total) => {
        progress.push(`${done}/${total}`);
        if (done === 2) throw new Error("the machine went away");
      },
    });
    await expect(stopped).rejects.toThrow("went away");
    expect(progress).toEqual(["1/6", "2/6"]);
    const counts = await runImport();
    expect(counts).toMatchObject({ created: 3, unchanged: 1, duplicate: 1, failed: 1 });
    expect([...skipped.keys()].sort()).toEqual(["broken.pdf", "img/fake.png", "rooms-copy.md"]);
    expect(await runImport()).toMatchObject({
      created: 0,
      updated: 0,
      unchanged: 4,
      duplicate: 1,
      failed: 1,
    });
  });

  it("converts a page to its text, tables included, without scripts and navigation", async () => {
    const article = await readArticle(db, "parking-bikes");
    expect(article?.title).toBe("Parking & bikes");
    expect(article?.body).toContain("# Parking\n\nVisitors park in **row C**.");
    expect(article?.body).toMatch(/\| C +\| visitors +\|/);
    expect(article?.body).toContain("![The plan](kb://media/the-plan)");
    for (const absent of ["alert", "Home", "Imprint"]) expect(article?.body).not.toContain(absent);
    expect(convertHtml("<p>a</p>")).toEqual({ title: "", markdown: "a" });
  });

  it("converts a PDF to headings and paragraphs, with divided words joined", async () => {
    expect((await readArticle(db, "fire-drill"))?.body).toBe(
      "# Fire drill\n\nLeave the building by the stairs.",
    );
  });

  it("stores the pictures that a document shows, and nothing outside of the folder or of another kind", async () => {
    expect((await readArticle(db, "rooms"))?.body).toBe(
      '# Rooms\n\n![plan](kb://media/the-plan "Ours") ![bad](img/fake.png) [up](../../etc/passwd.png) [web](https://example.com/a.png)\n',
    );
    const kept = await db.prepare("SELECT slug, hash FROM media").all<{ slug: string; hash: string }>();
    expect(kept.results.map(({ slug }) => slug)).toEqual(["the-plan"]);
    const object = await databases.media.get(kept.results[0]?.hash ?? "");
    expect(Buffer.from((await object?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(PNG);
  });
});
