import { type OpenapiEntry, openapiEntry } from "../../shared/connections/kinds/openapi.ts";
import { allowWorkerModules } from "../check/worker-modules.ts";
import { compileDocument } from "../connections/openapi/compile-document.ts";
import { parseDocument } from "../connections/openapi/read-document.ts";
import { readDescription } from "./openapi/descriptions.ts";
import { readBench } from "./options.ts";
import { HELD_OUT, HELD_OUT_QUESTIONS } from "./tool-search/held-out-questions.ts";
import { QUESTIONS } from "./tool-search/questions.ts";

const HELP = `Tool search over vendors' own descriptions: how often the right tool is among the first three, and what it costs.

  npm run bench -- tool-search            GitHub alone: hit@1, hit@3, hit@6, time, and tokens with and without search
  npm run bench -- tool-search --held-out five systems behind one URL, on which no weight of the ranking was chosen
  npm run bench -- tool-search --missed   the questions whose tool is not among the first three`;

/** Characters of a token, as elsewhere in these benches. */
const PER_TOKEN = 4;

const { values: flags } = readBench("tool-search");

if (flags.help) console.log(HELP);
else await measure();

/** The entry of a description, at the address that it says it has. */
function entryOf(name: string, { servers }: Record<string, unknown>): OpenapiEntry {
  const [first] = Array.isArray(servers) ? (servers as { url?: unknown }[]) : [];
  const address = String(first?.url ?? "");
  return openapiEntry.parse({
    kind: "openapi",
    title: name === "github" ? "GitHub" : `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    description: name === "github" ? "Repositories, issues and builds." : "A system of the company.",
    owner: "bench",
    document: `${name}.json`,
    reach: { url: /^https:/.test(address) ? address : "https://api.example.com" },
  });
}

async function measure(): Promise<void> {
  allowWorkerModules();
  const { openapiServer } = await import("../../workers/connections/openapi/server.ts");
  const { createCatalogue } = await import("../../shared/server/catalogue.ts");
  const names = flags["held-out"] ? HELD_OUT : ["github"];
  const questions = flags["held-out"] ? HELD_OUT_QUESTIONS : QUESTIONS;
  const nameOf = new Map<string, string>();
  const servers: ReturnType<typeof openapiServer>[] = [];
  for (const name of names) {
    const document = parseDocument(name, await readDescription(name));
    const entry = entryOf(name, document);
    const { operations } = compileDocument(name, document, entry);
    for (const one of operations) nameOf.set(`${name}:${one.name}`, `${name}_${one.tool}`);
    servers.push(openapiServer(name, entry, "", operations));
  }
  const isOne = names.length === 1;
  const catalogue = createCatalogue(isOne ? "github" : "", "Tools", servers);
  const find = catalogue.tools.get("tools_find");
  const tools = [...catalogue.tools.values()];
  const offered = tools
    .filter(({ subject }) => names.some((name) => name === subject.server) && subject.scope !== "session")
    .map((one) => ({ ...one.definition, listed: () => one.listed }));
  const ask = async (query: string, limit = 6) =>
    (await find?.definition.run({ query, limit }, { offered: () => offered } as never)) as {
      tools: { name: string }[];
    };

  const startedAt = performance.now();
  await ask("warm up");
  const indexed = performance.now() - startedAt;
  const ranks: number[] = [];
  let [spent, answered, characters] = [0, 0, 0];
  for (const { text, answers } of questions) {
    const wanted = answers.map(
      (answer) => nameOf.get(isOne ? `github:${answer}` : answer) ?? `missing ${answer}`,
    );
    const before = performance.now();
    const found = await ask(text);
    spent += performance.now() - before;
    answered += 1;
    characters += JSON.stringify(found).length;
    const foundNames = found.tools.map(({ name }) => name);
    const rank = foundNames.findIndex((name) => wanted.includes(name));
    ranks.push(rank < 0 ? Number.POSITIVE_INFINITY : rank + 1);
    if (flags.missed && (rank < 0 || rank >= 3))
      console.log(
        `${rank < 0 ? "-" : rank + 1}  ${text}\n     wanted ${wanted.join(" ")}\n     found  ${foundNames.slice(0, 3).join(" ")}`,
      );
  }
  const share = (most: number) =>
    `${((100 * ranks.filter((rank) => rank <= most).length) / ranks.length).toFixed(1)} %`;
  console.log(
    `${nameOf.size} tools, ${questions.length} questions; index built in ${indexed.toFixed(0)} ms, a search takes ${(spent / answered).toFixed(2)} ms`,
  );
  console.log(`hit@1 ${share(1)}  hit@3 ${share(3)}  hit@6 ${share(6)}`);

  const tokens = (value: unknown) => Math.round(JSON.stringify(value).length / PER_TOKEN);
  const whole = tools.filter(
    ({ definition }) => definition.forwards === undefined && !definition.name.startsWith("tools_"),
  );
  const listed = tools.filter(({ unlisted }) => !unlisted);
  const described = tokens(tools.slice(0, 200).map((one) => one.listed)) / 200;
  const withSearch = tokens(listed.map((one) => one.listed)) + characters / answered / PER_TOKEN + described;
  console.log(`tokens of a list with all tools: ${tokens(whole.map((one) => one.listed))}`);
  console.log(
    `tokens with search: ${tokens(listed.map((one) => one.listed))} for the list, ${Math.round(characters / answered / PER_TOKEN)} for a search of six, ${Math.round(described)} for a description: ${Math.round(withSearch)} for a completed task`,
  );
}
