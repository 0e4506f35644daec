import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PEOPLE } from "../../scripts/people.ts";
import { readPeopleFile } from "../../shared/people/read-people-file.ts";
import { type LocalStorage, makeLocalStorage } from "../support/local-storage.ts";

let storage: LocalStorage;

const run = (...args: string[]) => storage.run(PEOPLE, args);
const inPlatform: LocalStorage["inPlatform"] = (work) => storage.inPlatform(work);

const count = (table: string) =>
  inPlatform(async (database) => {
    const row = await database.prepare(`SELECT count(*) AS total FROM ${table}`).first<{ total: number }>();
    return row?.total;
  });

async function write(name: string, text: string): Promise<string> {
  const file = path.join(storage.folder, name);
  await writeFile(file, text);
  return file;
}

beforeAll(async () => {
  storage = await makeLocalStorage();
});

afterAll(() => storage.remove());

describe("people import", () => {
  it("names every line that cannot be taken, and then adds no one", async () => {
    const file = await write(
      "bad.csv",
      'email,name,role\nada@example.com,"Ada\nLovelace",sales\nnot an address,Bob,viewer\ncy@example.com,Cy,king\nADA@example.com,Ada,viewer\ndan@example.com,,viewer\neve@example.com,Eve\n',
    );
    const { code, output } = await run("import", file);
    expect(code).toBe(1);
    for (const text of [
      "Line 2: the name",
      'Line 4: "not an address" is no e-mail address.',
      'Line 5: there is no role "king". The roles are viewer,',
      "Line 7: the name is missing",
      "Line 8: it has 2 fields, and the first line 3.",
    ]) {
      expect(output).toContain(text);
    }
    expect(await count(`"user"`)).toBe(0);
    const latin = path.join(storage.folder, "latin-1.csv");
    await writeFile(latin, Buffer.from("email,name\na@b.example,M\u00fcller\n", "latin1"));
    const whole = await run("import", latin);
    expect(whole.output).toContain("The file is not UTF-8. Save it as «CSV UTF-8».");
    expect(whole.output).toContain(`No one was added: ${latin} cannot be taken.`);
  });

  it("adds 500 people at once, prints a link for each, and leaves them alone the next time", async () => {
    const people = Array.from(
      { length: 500 },
      (_, index) => `p${index}@example.com;Person O'${index};analyst`,
    );
    const file = await write("people.csv", `\uFEFFemail;name;role\r\n${people.join("\r\n")}\r\n`);
    const dry = await run("import", file, "--dry-run");
    expect(dry.output).toContain("500 would be added. Nothing was changed.");
    expect(await count(`"user"`)).toBe(0);
    const { code, output } = await run("import", file);
    expect(code, output).toBe(0);
    expect(output).toContain("Added 500 people.");
    expect(new Set(output.match(/link=[0-9a-f]{64}/g)).size).toBe(500);
    expect(await count("password_link")).toBe(500);
    expect(await count(`"account" WHERE "password" IS NULL`)).toBe(500);
    expect(await count("admin_request WHERE by LIKE '%people%' AND kind = 'person_change'")).toBe(500);
    const again = await run("import", file);
    expect(again.output).toContain("500 are there already");
    expect(again.output).toContain("No one was added.");
    const other = await write(
      "other.csv",
      "email,name,role\np7@example.com,Person,admin\nnew@example.com,New,admin\n",
    );
    const refused = await run("import", other);
    expect(refused.code).toBe(1);
    expect(refused.output).toContain("Line 2: p7@example.com is there as analyst.");
    expect(await count(`"user"`)).toBe(500);
  });

  it("lists people by pages, and a part of an address", async () => {
    const first = await run("list");
    expect(first.output).toContain(
      "100 shown, of 500 people. Go on: npm run people -- list --after p18@example.com",
    );
    const next = await run("list", "--after", "p18@example.com");
    expect(next.output).toContain("p190@example.com");
    expect(next.output).not.toContain("p188@example.com ");
    expect((await run("list", "--search", "P499")).output).toContain("1 shown, of 500 people");
    const filtered = await run("list", "--role", "analyst", "--search", "p4", "--disabled");
    expect(filtered.output).toContain("0 shown, of 500 people");
    expect(filtered.output).toContain("They have the roles");
  });
});

describe("a file of people", () => {
  const options = { roles: ["viewer", "admin"], defaultRole: "viewer" };
  const read = (text: string) => readPeopleFile(new TextEncoder().encode(text), options);

  it.each([
    ["an unknown column", "email,name,team\n", 'Line 1: there is no column "team"'],
    ["no column of addresses", "name,role\n", 'Line 1: the column "email" is missing.'],
    ["a column twice", "email,name,name\n", "Line 1: a column is named twice."],
    ["nothing", "", "The file is empty."],
    [
      "the same person twice",
      "email,name\na@b.example,A\nA@B.example,B\n",
      "Line 3: a@b.example is in line 2 already.",
    ],
    ["an open quotation mark", 'email,name\na@b.example,"A\n', "a quotation mark is not closed"],
  ])("with %s is refused in a sentence", (_what, text, sentence) => {
    expect(read(text).mistakes.join("\n")).toContain(sentence);
  });

  it("in another encoding is refused, and one with tabs and a default role is read", () => {
    expect(readPeopleFile(new Uint8Array([0x65, 0xff, 0xfe]), options).mistakes[0]).toContain("not UTF-8");
    const { people } = read("name\temail\nAda\tada@example.com\n\n");
    expect(people).toEqual([{ line: 2, email: "ada@example.com", name: "Ada", role: "viewer" }]);
  });
});
