import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { showView } from "./view-page.ts";
import { arriveAt, type Client, openBrowser, openPage, signIn, startClient, takePicture } from "./walk.ts";

let browser: Browser;
let client: Client;
let ask: Ask;
let html: string;

/** Sends one request of the stateless generation to the analytics server. */
type Ask = (method: string, params: Record<string, unknown>) => Promise<ReturnType<typeof JSON.parse>>;

beforeAll(async () => {
  browser = await openBrowser();
  client = await startClient("Chart Client");
  ask = await connect();
  html = (await ask("resources/read", { uri: "ui://analytics/chart" })).contents[0].text;
});

afterAll(async () => {
  await browser?.close();
  await client?.close();
});

/** Connects a client of the demonstration's administrator to the running Worker. */
async function connect(): Promise<Ask> {
  const page = await openPage(browser);
  await page.goto(
    client.authorizeUrl({ resource: "/mcp/analytics", scope: "analytics:read analytics:write" }),
  );
  await signIn(page, "admin");
  await page.getByRole("button", { name: "Allow" }).click();
  await arriveAt(page, "Back at the client");
  const { access_token: token } = await client.takeToken();
  const revision = "2026-07-28";
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": revision,
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return async (method, params) => {
    const response = await fetch(`${inject("siteUrl")}/mcp/analytics`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": revision,
        "mcp-method": method,
        "mcp-name": String(params.name ?? params.uri),
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } }),
    });
    const text = await response.text();
    const json = text.startsWith("{") ? text : (/^data: (\{.*)$/m.exec(text)?.[1] ?? "{}");
    return JSON.parse(json).result;
  };
}

const DAYS = Array.from({ length: 14 }, (_, day) => `2026-10-${String(day + 1).padStart(2, "0")}`);

/** An answer of `analytics_query`, with a name that is markup if it is not escaped. */
const REVENUE = {
  content: [{ type: "text", text: "{}" }],
  structuredContent: {
    period: "2026-10-01..2026-10-14",
    grain: "day",
    columns: ["day", "channel", "revenue"],
    rows: DAYS.flatMap((day, index) => [
      [day, "email", 1000 + 100 * index],
      [day, "<img src=x onerror=alert(1)>", 2500 - 50 * index],
    ]),
    totals: { revenue: 54_250 },
    units: { revenue: "USD" },
  },
};

describe.each([
  ["light", 760],
  ["dark", 360],
] as const)("the chart view in %s at %i pixels", (theme, width) => {
  it("draws an answer, shows values by keyboard and pointer, hides series, and turns into its table", async () => {
    const { page, frame, show, requested, complaints } = await showView(browser, html, { width, theme });
    await show(REVENUE);
    await frame.getByRole("heading", { name: "Revenue by channel" }).waitFor();
    const plot = frame.getByRole("img", { name: /Revenue by channel\. 2026-10-01 to 2026-10-14/ });
    const values = frame.locator(".values");

    await plot.press("ArrowRight");
    await plot.press("ArrowRight");
    expect(await values.textContent()).toBe("2 Oct: email $1,100 · <img src=x onerror=alert(1)> $2,450");
    const box = await plot.boundingBox();
    await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) - 8, (box?.y ?? 0) + 40);
    expect(await values.textContent()).toMatch(/^14 Oct: email \$2,300/);
    await takePicture(page, `view-chart-${theme}-${width}`);

    const email = frame.getByRole("button", { name: "email" });
    await email.press("Enter");
    expect(await email.getAttribute("aria-pressed")).toBe("false");
    await plot.press("ArrowRight");
    expect(await values.textContent()).not.toContain("email");

    await frame.getByRole("button", { name: "Table" }).press("Enter");
    expect(await frame.getByRole("row").count()).toBe(1 + REVENUE.structuredContent.rows.length);
    expect(await frame.getByRole("cell", { name: "$1,100" }).isVisible()).toBe(true);
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    await takePicture(page, `view-table-${theme}-${width}`);

    const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    expect(wide).toBeLessThanOrEqual(0);
    expect(await page.evaluate("sizes.at(-1).height > 200")).toBe(true);
    expect(requested.filter((url) => !/^(about|data):/.test(url))).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

describe("the chart view", () => {
  it("lists anomalies, and requests the series behind one when the user opens it", async () => {
    const tool = "analytics_detect_anomalies";
    const { page, frame, show } = await showView(browser, html, { width: 600, theme: "light", tool });
    const structuredContent = {
      metric: "orders",
      unit: "count",
      period: "2026-10-01..2026-10-14",
      grain: "day",
      found: 1,
      anomalies: [
        { at: "2026-10-05", value: 3, expected: 90, why: "97 % below the 90 expected for a Monday." },
      ],
    };
    await page.evaluate('bridge.sendToolInput({ arguments: { metric: "orders" } })');
    await show({ content: [], structuredContent });
    await frame.getByRole("cell", { name: "97 % below the 90 expected for a Monday." }).waitFor();
    const series = DAYS.map((day, index) => [day, index === 4 ? 3 : 90, 80, 100]);
    const more = { content: [], structuredContent: { ...structuredContent, series } };
    await page.evaluate(`nextAnswer = ${JSON.stringify(more)}`);
    await frame.getByRole("button", { name: "Show what was measured" }).press("Enter");
    await frame.getByRole("heading", { name: "Orders by day, 1 out of line" }).waitFor();
    expect(await page.evaluate("called")).toEqual([
      { name: tool, arguments: { metric: "orders", chart: "auto" } },
    ]);
    await takePicture(page, "view-anomalies");
  });

  it("follows the theme of its host, and shows the message of a failed call", async () => {
    const { page, frame, show, changeTheme } = await showView(browser, html, { width: 600, theme: "light" });
    await show(REVENUE);
    const ground = () =>
      page.frames()[1]?.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    const line = () => frame.locator(".plot path").first().getAttribute("stroke");
    await frame.getByRole("heading").waitFor();
    const [lightGround, lightLine] = [await ground(), await line()];
    await changeTheme("dark");
    await frame.locator('html[data-theme="dark"]').waitFor();
    expect(lightGround).toBe("rgb(255, 255, 255)");
    expect(await ground()).toBe("rgb(26, 31, 34)");
    expect(await line()).not.toBe(lightLine);
    await show({ isError: true, content: [{ type: "text", text: 'There is no metric "x".' }] });
    expect(await frame.getByRole("alert").textContent()).toBe('There is no metric "x".');
  });
});

describe("a picture in an answer of the running Worker", () => {
  it("is displayed by the browser, on its own background in light and dark", async () => {
    const events = DAYS.map((day, index) => ({
      key: `picture-${index}`,
      occurred_at: `${day}T12:00:00Z`,
      kind: "order",
      customer_id: `C${index}`,
      region: "Europe",
      country: "Germany",
      segment: "Consumer",
      channel: "email",
      category: "Footwear",
      product: "Trail Shoe",
      amount_cents: 10_000 + 1_500 * index,
    }));
    const tracked = await ask("tools/call", { name: "analytics_track", arguments: { events } });
    expect(tracked.structuredContent).toMatchObject({ stored: DAYS.length });
    const args = { metrics: ["revenue"], period: "2026-10-01..2026-10-14", grain: "day", chart: "bar" };
    const answer = await ask("tools/call", { name: "analytics_query", arguments: args });
    const { data, mimeType } = answer.content.find(({ type }: { type: string }) => type === "image");
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await openPage(browser, {
        colorScheme,
        javaScriptEnabled: true,
        viewport: { width: 360, height: 300 },
      });
      const ground = colorScheme === "dark" ? "#101214" : "#ffffff";
      await page.setContent(
        `<body style="margin:0;background:${ground}"><img style="width:100%" src="data:${mimeType};base64,${data}">`,
      );
      const size = await page.evaluate(
        "document.images[0].decode().then(() => [document.images[0].naturalWidth, document.images[0].naturalHeight])",
      );
      expect(size).toEqual([960, 600]);
      await takePicture(page, `picture-${colorScheme}-phone`);
    }
  });
});
