import budgets from "./budgets.json" with { type: "json" };
import type { Check } from "./definition.ts";
import { allowWorkerModules } from "./worker-modules.ts";

/** What a client's model pays for knowing the tools of each URL. */
export const tokenCost: Check = {
  name: "tokens",
  ensures: "each tools/list stays within its token budget",
  async run() {
    const costs = await measureCosts();
    const limits: Readonly<Record<string, number>> = budgets.toolListTokens;
    return {
      summary: costs.map(({ url, tokens }) => `${url} ${tokens}`).join(", "),
      findings: costs.flatMap(({ url, tokens }) => {
        const budget = limits[url];
        if (budget === undefined)
          return [`${url} has no token budget. Add one to scripts/check/budgets.json.`];
        if (tokens <= budget) return [];
        return [
          `tools/list at ${url} costs about ${tokens} tokens, the budget is ${budget} (scripts/check/budgets.json). ` +
            "Shorten descriptions and schemas, or raise the budget with the reason in the commit.",
        ];
      }),
      notes: costs.flatMap(({ url, heaviest }) =>
        url === "/mcp" ? [`Heaviest tools: ${heaviest.map((tool) => tool.join(" ")).join(", ")}.`] : [],
      ),
    };
  },
};

/**
 * Estimates tokens of a text: one per four characters, rounded up. English prose comes close to that with today's
 * tokenizers; JSON with its punctuation is dearer, so compare figures of this check only with each other.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

interface UrlCost {
  url: string;
  tokens: number;
  /** The five dearest tools with their tokens. */
  heaviest: [name: string, tokens: number][];
}

async function measureCosts(): Promise<UrlCost[]> {
  allowWorkerModules();
  const { servers } = await import("../../workers/servers.ts");
  const { createCatalogue } = await import("../../shared/mcp/catalogue.ts");
  const urls = [
    { url: "/mcp", served: servers },
    ...servers.map((server) => ({ url: `/mcp/${server.name}`, served: [server] })),
  ];
  return urls.map(({ url, served }) => {
    const tools = [...createCatalogue(url, url, served).tools.values()].map(({ listed }) => listed);
    const heaviest = tools
      .map((tool): [string, number] => [String(tool.name), estimateTokens(JSON.stringify(tool))])
      .sort((one, other) => other[1] - one[1])
      .slice(0, 5);
    return { url, tokens: estimateTokens(JSON.stringify({ tools })), heaviest };
  });
}
