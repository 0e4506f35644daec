import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { APPS } from "../../scripts/apps.ts";
import { AUDIT } from "../../scripts/audit.ts";
import { BACKUP } from "../../scripts/backup.ts";
import { BENCH } from "../../scripts/bench.ts";
import { CHECK } from "../../scripts/check.ts";
import { askForEntry } from "../../scripts/connections/add.ts";
import { CONNECTIONS } from "../../scripts/connections.ts";
import { DEMO } from "../../scripts/demo.ts";
import { DEPLOY } from "../../scripts/deploy.ts";
import { KB_IMPORT } from "../../scripts/kb-import.ts";
import { KEYS } from "../../scripts/keys.ts";
import { readCommandLine, type Script } from "../../scripts/local/command-line.ts";
import { runNode } from "../../scripts/local/process.ts";
import { ROOT } from "../../scripts/local/root.ts";
import { PEOPLE } from "../../scripts/people.ts";
import { POLICY } from "../../scripts/policy.ts";
import { RESTORE } from "../../scripts/restore.ts";
import { START } from "../../scripts/start.ts";

const SCRIPTS: readonly Script[] = [
  APPS,
  AUDIT,
  BACKUP,
  BENCH,
  CHECK,
  CONNECTIONS,
  DEMO,
  DEPLOY,
  KB_IMPORT,
  KEYS,
  PEOPLE,
  POLICY,
  RESTORE,
  START,
];

/** Scripts of package.json that take no options of ours. */
const OTHERS = [
  "test",
  "conformance",
  "clients",
  "views",
  "reference",
  "schemas",
  "dictionary",
  "types",
  "format",
];

/** Texts that tell people what to type. */
const TEXTS = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "docs/**/*.md",
  "{scripts,shared,workers}/**/*.{ts,tsx,toml}",
];

interface Example {
  script: Script;
  at: string;
  text: string;
}

/** Every example of a command in a text, up to the end of its line or of its code. */
function findExamples(file: string, text: string): Example[] {
  return text.split("\n").flatMap((line, index) =>
    line.split(/(?=npm (?:run (?:-s |--silent )?[a-z:]+|start|test)\b)/).flatMap((part) => {
      const [, run, start, rest = ""] =
        /^npm (?:run (?:-s |--silent )?([a-z:-]+)|(start))(?: -- ([^`]*))?/.exec(part) ?? [];
      const script = SCRIPTS.find(({ name }) => name === (run ?? start));
      return script === undefined ? [] : [{ script, at: `${file}:${index + 1}`, text: rest }];
    }),
  );
}

/** What an example names that its command does not take. */
function findMistake({ script, text }: Example): string | null {
  const own = text.replace(/ -- .*/, "");
  const named = /^[a-z][a-z-]*(?=\s|$|[.,;:)"'|\\…&])/.exec(own)?.[0];
  const isCommand = Object.keys(script.commands).some((name) => name !== "");
  const command = script.commands[isCommand && named !== undefined ? named : ""];
  if (command === undefined) return named === undefined ? null : `no command ${named}`;
  const options = [...own.matchAll(/(?<![\w-])--([a-z][\w-]*)/g)].map(([, option]) => option ?? "");
  return options.find((option) => option !== "help" && !Object.hasOwn(command.takes, option)) ?? null;
}

describe("the options that commands declare", () => {
  const examples = TEXTS.flatMap((pattern) => globSync(pattern, { cwd: ROOT })).flatMap((file) =>
    findExamples(file, readFileSync(path.join(ROOT, file), "utf8")),
  );

  it("are those of every example in the help, the documentation and the sentences of the product", () => {
    const mistakes = examples.flatMap((example) => {
      const mistake = findMistake(example);
      return mistake === null ? [] : [`${example.at}: ${mistake} in ${example.script.name} ${example.text}`];
    });
    expect(mistakes).toEqual([]);
    expect(examples.length).toBeGreaterThan(200);
  });

  it.each(SCRIPTS)("of npm run $name are all in its help", ({ name, commands, help }) => {
    // Each bench has a help of its own.
    if (name === "bench") return;
    const all = new Set(Object.values(commands).flatMap(({ takes }) => Object.keys(takes)));
    expect([...all].filter((option) => !help.includes(`--${option}`))).toEqual([]);
  });

  it.each(SCRIPTS)(
    "of npm run $name mean the same in every command, as the command is found among them",
    ({ commands }) => {
      const types = new Map<string, string>();
      for (const { takes } of Object.values(commands))
        for (const [option, { type }] of Object.entries(takes)) {
          expect([type, option]).toEqual([types.get(option) ?? type, option]);
          types.set(option, type);
        }
    },
  );

  it("leave out no script of package.json", () => {
    const { scripts } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as {
      scripts: object;
    };
    const known = [...SCRIPTS.map(({ name }) => name), ...OTHERS];
    expect(Object.keys(scripts).filter((name) => !known.includes(name))).toEqual([]);
  });

  it("are found wanting in an example with a wrong one", () => {
    const [example] = findExamples("x.md", "Type `npm run people -- list --rol analyst`, or --else.");
    expect(example && findMistake(example)).toBe("rol");
    const [strange] = findExamples("x.md", "npm run -s audit -- exprt > trail.jsonl");
    expect(strange && findMistake(strange)).toBe("no command exprt");
  });
});

function scriptOf(name: string): Script {
  const script = SCRIPTS.find((one) => one.name === name);
  if (script === undefined) throw new Error(`There is no script ${name}.`);
  return script;
}

describe("an option that restricts another command", () => {
  it.each([
    ["people", "teams --role analyst", "people teams does not take --role."],
    ["people", "role --email a@example.com --role admin --search b", "people role does not take --search."],
    ["people", "list --url https://x.example", "people list does not take --url."],
    ["connections", "publish --all", "connections publish does not take --all."],
    ["connections", "status shop", "connections status was given an argument too many."],
    ["connections", "publish --note why not", "connections publish was given an argument too many."],
    ["keys", "revoke --id key_1 --email ada@example.com", "keys revoke does not take --email."],
    ["apps", "list --name x", "apps list does not take --name."],
    ["policy", "test --file other.yaml", "policy test does not take --file."],
    ["audit", "holds --user ada@example.com", "audit holds does not take --user."],
    ["audit", "verify one.jsonl two.jsonl", "audit verify was given an argument too many."],
    ["backup", "one two", "backup was given an argument too many."],
    ["bench", "decide --rules 5", "bench decide does not take --rules."],
    ["check", "--quick", "check does not take --quick."],
  ])("is refused: %s %s", (script, line, sentence) => {
    expect(() => readCommandLine(scriptOf(script), line.split(" "))).toThrow(sentence);
  });

  it.each([
    ["connections", "approve shop echo --all", "connections approve takes names or --all, not both."],
    ["connections", "secret shop --remove --expires 2027-01-31", "takes --remove or --expires, not both."],
    [
      "policy",
      "publish --version 2 --publication 5",
      "policy publish takes --version or --publication, not both.",
    ],
    ["policy", "publish --version 2 --file x.yaml", "policy publish takes --version or --file, not both."],
    [
      "policy",
      "explain --role sales --user a@example.com",
      "policy explain takes --role or --user, not both.",
    ],
    ["policy", "diff 2 3 --file x.yaml", "policy diff takes two versions or --file, not both."],
    ["kb:import", "docs --url https://x.example --state x", "kb:import takes --url or --state, not both."],
    ["policy", "check --env moon", "--env must be one of production, staging, local."],
    ["people", "list --env production --state x", "--state names a folder of this machine"],
  ])("and is given together with it is refused: %s %s", async (script, line, sentence) => {
    await expect(async () => await readCommandLine(scriptOf(script), line.split(" "))?.()).rejects.toThrow(
      sentence,
    );
  });

  it.each([
    [{ kind: "postgresql", database: "d", service: "SALES" }, "--service has no place in this connection."],
    [{ kind: "redis", prefixes: "a:", tables: "public.*" }, "--tables has no place in this connection."],
    [
      { kind: "mcp", "web-address": "https://x.example", host: "h" },
      "--host has no place in this connection.",
    ],
    [{ hyperdrive: "DB", port: "5432" }, "--port has no place in this connection."],
    [{ kind: "mysql", profile: "hubspot" }, "--profile is for HTTP APIs, and not for --kind mysql."],
    [{ kind: "mysql", document: "x.yaml" }, "--document is for HTTP APIs, and not for --kind mysql."],
    [{ profile: "hubspot", auth: "none" }, "--auth takes per_person alone."],
  ])("connections add refuses %j, of which the kind uses only a part", async (flags, sentence) => {
    await expect(askForEntry("shop", { file: "x.yaml", ...flags })).rejects.toThrow(sentence);
  });

  it("connections add takes what the kind uses", async () => {
    const flags = {
      file: "x.yaml",
      kind: "oracle",
      service: "SALES",
      user: "G",
      tables: "SALES.*",
      port: "1521",
    };
    const { raw } = await askForEntry("shop", { ...flags, set: undefined });
    expect(raw).toMatchObject({ reach: { service: "SALES", port: 1521 }, expose: { tables: ["SALES.*"] } });
  });

  it.each([
    [
      "people",
      ["list", "--serch", "ada"],
      "people list does not take --serch.\n  Did you mean --search? It takes: --search, ",
    ],
    ["schemas", ["--check"], "schemas does not take --check.\n  It takes no options."],
  ])("ends %s with 1 and a sentence", async (script, args, sentence) => {
    const { code, stdout, stderr } = await runNode(`scripts/${script}.ts`, args);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(sentence);
  });
});
