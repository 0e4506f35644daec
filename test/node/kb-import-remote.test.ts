import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listLoaders } from "../../scripts/local/demonstration.ts";
import { startNode } from "../../scripts/local/process.ts";
import { allowEverything } from "../clients/person.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==",
  "base64",
);

let gateway: GatewayProcess;
let folder: string;
let database: D1Database;

beforeAll(async () => {
  gateway = await startGateway({
    async seed(env) {
      database = env.KNOWLEDGE_DB;
      await listLoaders({ contacts: 1, events: 1 }).PLATFORM_DB?.load(env.PLATFORM_DB, () => {}, env.MEDIA);
    },
  });
  folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-import-"));
  await mkdir(path.join(folder, "img"));
  await writeFile(path.join(folder, "img/plan.png"), PNG);
  await writeFile(path.join(folder, "rooms.md"), "# Rooms\n\n![The plan](img/plan.png)\n");
  await writeFile(path.join(folder, "parking.html"), "<h1>Parking</h1><p>Visitors park in <b>row C</b>.</p>");
  await writeFile(path.join(folder, "empty.md"), "");
  // More than the maximum of one call.
  for (let index = 0; index < 120; index += 1) {
    await writeFile(path.join(folder, `note-${index}.md`), `# Note ${index}\n\nNumber ${index}.\n`);
  }
});

afterAll(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the command; `browse` acts as the user with the printed address. */
async function runImport(browse: (address: URL) => Promise<unknown>, ...flags: string[]) {
  const child = startNode("scripts/kb-import.ts", [
    folder,
    "--collection",
    "office",
    "--url",
    gateway.url,
    ...flags,
  ]);
  let output = "";
  let opened: Promise<unknown> | undefined;
  const read = (text: string) => {
    output += text;
    const [address] = /https?:\/\/\S+\/authorize\S+(?=\n)/.exec(output) ?? [];
    if (address !== undefined) opened ??= browse(new URL(address));
  };
  child.stdout?.setEncoding("utf8").on("data", read);
  child.stderr?.setEncoding("utf8").on("data", read);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  await opened;
  return { code, output };
}

/** Signs in, allows everything, and follows the redirect. */
const allowAs = (role: string) => async (address: URL) => {
  const response = await fetch(await allowEverything(address, role));
  expect(await response.text()).toContain("Signed in");
};

describe("importing a folder into a Gatehouse elsewhere", () => {
  it("goes through sign-in and consent, and imports documents and their pictures", async () => {
    const { code, output } = await runImport(allowAs("editor"));
    expect(output).toContain("Collection office: 122 new, 0 updated, 0 unchanged, 1 left out.");
    expect(output).toContain("empty.md: the text is empty");
    expect(code).toBe(0);
    const bodyOf = (title: string) =>
      database
        .prepare("SELECT body, author_name FROM article_versions WHERE title = ?1")
        .bind(title)
        .first<{ body: string; author_name: string }>();
    expect(await bodyOf("Rooms")).toMatchObject({ body: "# Rooms\n\n![The plan](kb://media/the-plan)\n" });
    expect(await bodyOf("Parking")).toMatchObject({ body: "# Parking\n\nVisitors park in **row C**." });
    // The user's own name, not the command's.
    expect((await bodyOf("Note 7"))?.author_name).not.toContain("Import");
  });

  it("changes nothing the second time", async () => {
    const { output } = await runImport(allowAs("editor"));
    expect(output).toContain("0 new, 0 updated, 122 unchanged, 1 left out.");
  });

  it("is refused in one sentence to a user who may only read", async () => {
    const { code, output } = await runImport(allowAs("viewer"));
    expect(output).toMatch(/✗ .*knowledge_import_documents/);
    expect(output).not.toContain("    at ");
    expect(code).toBe(1);
  });

  it("reports a denial of the user, and ignores responses that it did not request", async () => {
    const { code, output } = await runImport(async (address) => {
      const callback = new URL(address.searchParams.get("redirect_uri") ?? "");
      callback.search = new URLSearchParams({ error: "access_denied", state: "forged" }).toString();
      expect((await fetch(callback)).status).toBe(404);
      callback.searchParams.set("state", address.searchParams.get("state") ?? "");
      await fetch(callback);
    });
    expect(output).toContain("The access was denied on the consent page.");
    expect(code).toBe(1);
  });
});
