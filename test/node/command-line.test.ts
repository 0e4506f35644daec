import { describe, expect, it } from "vitest";
import { command, readCommandLine, refuseBoth } from "../../scripts/local/command-line.ts";

const ran: unknown[] = [];
const note = (values: unknown, words: readonly string[]) =>
  void ran.push({ values: { ...(values as object) }, words });
const SHOP = {
  name: "shop",
  help: "The help.",
  commands: {
    list: command({ takes: { search: { type: "string" }, env: { type: "string", default: "local" } } }, note),
    sell: command(
      { takes: { to: { type: "string", multiple: true }, all: { type: "boolean" } }, words: ["<thing>"] },
      note,
    ),
    pack: command({ takes: {}, words: ["<things…>"] }, note),
  },
};
const FOLDER = {
  name: "copy",
  help: "",
  commands: { "": command({ takes: {}, words: ["<folder>"] }, note) },
};
const ALONE = {
  name: "alone",
  help: "",
  commands: { "": command({ takes: { dry: { type: "boolean" } } }, note) },
};

/** What the command received, or the sentences of its refusal. */
function run(line: string, script: Parameters<typeof readCommandLine>[0] = SHOP): unknown {
  ran.length = 0;
  try {
    const ready = readCommandLine(script, line === "" ? [] : line.split(" "));
    if (ready === null) return "help";
    expect(ran).toEqual([]);
    ready();
    return ran[0];
  } catch (failure) {
    const { message, advice } = failure as { message: string; advice?: string };
    return `${message} ${advice}`;
  }
}

describe("a command line", () => {
  it("gives a command the values of its own options, wherever the command stands", () => {
    expect(run("list --search ada")).toEqual({ values: { search: "ada", env: "local" }, words: [] });
    expect(run("--search ada list --env=staging")).toEqual({
      values: { search: "ada", env: "staging" },
      words: [],
    });
    expect(run("sell bread --to ada --to bob --all")).toEqual({
      values: { to: ["ada", "bob"], all: true },
      words: ["bread"],
    });
    expect(run("pack a -- b --all")).toEqual({ values: {}, words: ["a", "b", "--all"] });
  });

  it.each([
    ["list --to ada", "shop list does not take --to. It takes: --search, --env."],
    ["list --all", "shop list does not take --all. It takes: --search, --env."],
    [
      "list --serach ada",
      "shop list does not take --serach. Did you mean --search? It takes: --search, --env.",
    ],
    [
      "list --Search=secret",
      "shop list does not take --Search. Did you mean --search? It takes: --search, --env.",
    ],
    ["sell --env staging", "shop sell does not take --env. It takes: <thing>, --to, --all."],
    ["pack --env staging", "shop pack does not take --env. It takes: <things…>."],
    ["--strange list list", "shop list does not take --strange. It takes: --search, --env."],
    ["list -x", "shop list does not take -x. It takes: --search, --env."],
    ["list --toString", "shop list does not take --toString. It takes: --search, --env."],
  ])("shop %s is refused with what the command takes", (line, sentence) => {
    expect(run(line)).toBe(sentence);
  });

  it("refuses a word too many without repeating it, because it may be a password", () => {
    expect(run("list hunter2")).toBe(
      "shop list was given an argument too many. It takes: --search, --env. A value with spaces needs quotes.",
    );
    expect(run("sell fresh bread")).toMatch(/^shop sell was given an argument too many. It takes: <thing>,/);
    expect(run("please --dry", ALONE)).toMatch(/^alone was given an argument too many. It takes: --dry./);
  });

  it.each([
    ["list --search a --search b", "shop list takes --search once."],
    ["list --search", "--search of shop list needs a value."],
    ["list --search --env staging", "--search of shop list needs a value. A value that begins with a dash"],
    ["sell --all=yes", "--all of shop sell takes no value."],
    ["lst", 'There is no command "lst". Did you mean "list"?'],
    ["toString", 'There is no command "toString". For the commands: npm run shop -- --help'],
    ["--env staging", "Name a command."],
    ["--strange value list", "shop does not take --strange. It takes: --search, --env, --to, --all."],
  ])("shop %s is refused", (line, sentence) => {
    expect(run(line)).toContain(sentence);
  });

  it("takes a value that begins with a dash behind a sign of equality, and a single dash", () => {
    expect(run("list --search=-x")).toMatchObject({ values: { search: "-x" } });
    expect(run("list --search -")).toMatchObject({ values: { search: "-" } });
  });

  it("prints the help without arguments, and with --help", () => {
    for (const line of ["", "--help", "-h", "list --help", "nothing -h"]) expect(run(line)).toBe("help");
    expect(run("", ALONE)).toEqual({ values: {}, words: [] });
    expect(run("--help", ALONE)).toBe("help");
    expect(run("", FOLDER)).toBe("help");
  });

  it("refuses two options of which one would be ignored", () => {
    expect(() => refuseBoth("shop sell", { all: true, to: "ada" }, ["all", "to"])).toThrow(
      "shop sell takes --all or --to, not both.",
    );
    expect(refuseBoth("shop sell", { all: false, to: "ada" }, ["all", "to"])).toBeUndefined();
  });
});
