import { connectionEntry } from "../../shared/connections/entry.ts";
import budgets from "./budgets.json" with { type: "json" };
import type { Check } from "./definition.ts";
import typicalAnswers from "./typical-answers.json" with { type: "json" };
import typicalConnections from "./typical-connections.json" with { type: "json" };
import { allowWorkerModules } from "./worker-modules.ts";

/**
 * Cost for a client's model in tokens: of the tool list of each URL, of each tool, and of a typical answer of
 * each tool. `test/clients/questions.test.ts` measures the answers, and fails when they exceed the figures
 * here.
 */
export const tokenCost: Check = {
  name: "tokens",
  ensures: "tool lists, tools and typical answers stay within their token budgets",
  async run() {
    const [lists, tools] = await measureCosts();
    const connections = await measureConnections();
    const unanswered = tools.filter(({ answer }) => answer === undefined).map(({ name }) => name);
    const servers = Map.groupBy(tools, ({ server }) => server);
    return {
      summary: [...lists, ...connections].map(({ name, tokens }) => `${name} ${tokens}`).join(", "),
      findings: [
        ...lists.flatMap((list) => judge(list, "The list of tools at", budgetLists(lists))),
        ...connections.flatMap((list) =>
          judge(list, "The list of default tools of a connection of kind", budgets.connectionTokens),
        ),
        ...tools.flatMap((tool) => judge(tool, "The definition of", budgets.definitionTokens)),
        ...tools.flatMap(({ name, answer }) =>
          answer === undefined
            ? []
            : judge({ name, tokens: answer }, "A typical answer of", budgets.answerTokens),
        ),
      ],
      notes: [
        ...[...servers.values()].map(
          (members) => `definition / typical answer: ${members.map(tell).join(", ")}.`,
        ),
        ...(unanswered.length > 0 ? [`No task asks for ${unanswered.join(", ")}.`] : []),
      ],
    };
  },
};

/** An item with its cost. */
interface Cost {
  name: string;
  tokens: number;
}

interface ToolCost extends Cost {
  server: string;
  /** Tokens of a typical answer, if a task asks for one. */
  answer: number | undefined;
}

function tell({ name, tokens, answer }: ToolCost): string {
  return `${name} ${tokens}${answer === undefined ? "" : ` / ${answer}`}`;
}

/** The budget of each URL. The one with everything may cost what its servers may cost together. */
function budgetLists(lists: readonly Cost[]): Readonly<Record<string, number>> {
  const limits: Readonly<Record<string, number>> = budgets.toolListTokens;
  const servers = lists.filter(({ name }) => name !== "/mcp");
  const all = servers.reduce((sum, { name }) => sum + (limits[name] ?? budgets.toolListTokens.default), 0);
  return { ...limits, "/mcp": all };
}

/** Holds a cost against its own budget, or against the one for all without. */
function judge({ name, tokens }: Cost, what: string, limits: Readonly<Record<string, number>>): string[] {
  const budget = limits[name] ?? limits.default;
  if (budget === undefined) return [`${name} has no token budget. Add one to scripts/check/budgets.json.`];
  if (tokens <= budget) return [];
  return [
    `${what} ${name} costs about ${tokens} tokens, the budget is ${budget} (scripts/check/budgets.json). ` +
      "Shorten it, or raise the budget with the reason in the commit.",
  ];
}

/**
 * Estimates tokens of a text: one per four characters, rounded up. English prose is close to that with
 * current tokenizers; JSON with its punctuation costs more, so compare figures of this check only with each
 * other.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/** What the tools cost that a connection of each kind has by default. */
async function measureConnections(): Promise<Cost[]> {
  const { connectionServer } = await import("../../workers/connections/server.ts");
  const { createCatalogue } = await import("../../shared/server/catalogue.ts");
  const measure = async (typical: unknown): Promise<Cost> => {
    const entry = connectionEntry.parse(typical);
    const { tools } = createCatalogue("", "", [await connectionServer("sales", entry, "", [])]);
    const listed = [...tools.values()].filter(({ subject }) => subject.server === "sales");
    return {
      name: entry.kind,
      tokens: estimateTokens(JSON.stringify({ tools: listed.map((tool) => tool.listed) })),
    };
  };
  return await Promise.all(typicalConnections.map(measure));
}

async function measureCosts(): Promise<[lists: Cost[], tools: ToolCost[]]> {
  allowWorkerModules();
  const { servers } = await import("../../workers/servers.ts");
  const { createCatalogue } = await import("../../shared/server/catalogue.ts");
  const urls = [
    { url: "/mcp", served: servers },
    ...servers.map((server) => ({ url: `/mcp/${server.name}`, served: [server] })),
  ];
  const toolsAt = (url: string, served: typeof servers) => [
    ...createCatalogue(url, url, served).tools.values(),
  ];
  const answers: Readonly<Record<string, number>> = typicalAnswers;
  return [
    urls.map(({ url, served }) => ({
      name: url,
      tokens: estimateTokens(JSON.stringify({ tools: toolsAt(url, served).map(({ listed }) => listed) })),
    })),
    toolsAt("/mcp", servers).map(({ subject: { name, server }, listed }) => ({
      ...{ name, server },
      tokens: estimateTokens(JSON.stringify(listed)),
      answer: answers[name],
    })),
  ];
}
