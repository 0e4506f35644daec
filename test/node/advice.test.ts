import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../scripts/local/root.ts";

const SERVERS = ["analytics", "crm", "knowledge"];

const sourcesOf = (folder: string) =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(path.join(ROOT, folder, file), "utf8"));

/** The tools in the sources of a folder. */
const toolsIn = (sources: readonly string[]) =>
  sources.flatMap((source) =>
    [...source.matchAll(/^ {2}name: "([a-z_]+)",$/gm)].map(([, name = ""]) => name),
  );

/** Advice of errors: the texts of `suggestedAction`, and the default advice. */
const adviceIn = (sources: readonly string[]) =>
  sources.flatMap((source) => [
    ...[...source.matchAll(/suggestedAction:\s*([`"'])((?:(?!\1)[\s\S])*)\1/g)].map(
      ([, , text = ""]) => text,
    ),
    ...[...source.matchAll(/^ {2}[a-z_]+: "([A-Z][^"]+\.)",$/gm)].map(([, text = ""]) => text),
  ]);

const namedTools = (text: string) => text.match(/\b(?:analytics|crm|knowledge|context)_[a-z_]+\b/g) ?? [];

describe("the advice of an error", () => {
  it.each(SERVERS)("names tools that the %s server has, or none", (server) => {
    const sources = sourcesOf(`workers/${server}`);
    const tools = [...toolsIn(sources), ...toolsIn(sourcesOf("shared/mcp"))];
    const advice = adviceIn(sources);
    expect(advice.length).toBeGreaterThan(5);
    expect(tools.length).toBeGreaterThan(8);
    expect(advice.flatMap(namedTools).filter((name) => !tools.includes(name))).toEqual([]);
  });

  it("of every server names no kind of tool that a server may lack", () => {
    const advice = adviceIn(sourcesOf("shared")).join("\n");
    expect(advice).toContain("answer of this server");
    expect(advice).not.toMatch(/(?:search|list|find) tool|\b(?:analytics|crm|knowledge)_[a-z]+/);
  });
});
