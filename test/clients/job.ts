import { expect } from "vitest";

/** Functions that a client program must have. */
export interface ClientProgram {
  listTools(): Promise<string[]>;
  /** The structured answer of a tool. */
  callTool(name: string, args: Record<string, string | number>): Promise<Record<string, unknown>>;
  /** The text of a resource. Undefined for a program without resources. */
  readResource?(uri: string): Promise<string>;
  /** The text of a prompt's first message. Undefined for a program without prompts. */
  getPrompt?(name: string, args: Record<string, string>): Promise<string>;
}

/**
 * One scenario over all three servers, the same for every client program: figures of the regions, the largest
 * deal and its customer, an article of the handbook, and a brief for the meeting.
 */
export async function doTheJob(client: ClientProgram): Promise<void> {
  const tools = await client.listTools();
  expect(tools).toEqual(
    expect.arrayContaining([
      "analytics_regional_metrics",
      "crm_list_deals",
      "search",
      "fetch",
      "context_get",
    ]),
  );

  const regions = await client.callTool("analytics_regional_metrics", {});
  const { revenue } = regions.totals as { revenue: { value: number } };
  expect(revenue.value).toBeGreaterThan(0);
  expect((regions.rows as unknown[]).length).toBeGreaterThan(1);

  const { deals } = await client.callTool("crm_list_deals", { sort: "amount", limit: 2 });
  const [largest, next] = deals as { amount: number; company: string }[];
  expect(largest?.amount).toBeGreaterThanOrEqual(next?.amount ?? Number.POSITIVE_INFINITY);

  const { results } = await client.callTool("search", { query: "refund policy", limit: 5 });
  const [found] = results as { id: string; title: string }[];
  const article = await client.callTool("fetch", { id: found?.id ?? "" });
  expect(article.title).toBe(found?.title);
  expect(article.text).toMatch(/refund/i);

  if (client.readResource) {
    const catalogue = JSON.parse(await client.readResource("analytics://metrics")) as {
      metrics: { name: string }[];
    };
    expect(catalogue.metrics.map(({ name }) => name)).toContain("revenue");
  }
  if (client.getPrompt) {
    const customer = largest?.company ?? "";
    expect(await client.getPrompt("crm_prepare_meeting", { customer })).toContain(customer);
  }
}
