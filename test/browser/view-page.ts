import path from "node:path";
import { build } from "esbuild";
import type { Browser, FrameLocator, Page } from "playwright-core";
import { openPage } from "./walk.ts";

/** A view in a host page, as a client shows it. */
export interface ShownView {
  page: Page;
  frame: FrameLocator;
  /** Sends the view a tool's answer. */
  show(answer: unknown): Promise<void>;
  /** Notifies the view of a theme change. */
  changeTheme(theme: "light" | "dark"): Promise<void>;
  /** URLs requested by the page, in addition to the document itself. */
  requested: string[];
  /** Errors in the browser's console, such as a violation of the view's policy. */
  complaints: string[];
}

let script: Promise<string> | undefined;

/** Shows a view in a page of its own. The host half is the extension's own package,
 * @modelcontextprotocol/ext-apps, around a sandboxed frame. */
export async function showView(
  browser: Browser,
  html: string,
  { width, theme, tool }: { width: number; theme: "light" | "dark"; tool?: string },
): Promise<ShownView> {
  const page = await openPage(browser, { javaScriptEnabled: true, viewport: { width, height: 700 } });
  const [requested, complaints]: [string[], string[]] = [[], []];
  page.on("request", (request) => void requested.push(request.url()));
  page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
  page.on("pageerror", (error) => void complaints.push(error.message));
  const ground = theme === "dark" ? "#101214" : "#ffffff";
  await page.setContent(`<!doctype html><body style="margin:0;background:${ground}"></body>`);
  script ??= bundleHost();
  await page.addScriptTag({ content: await script });
  const toolInfo = tool && { tool: { name: tool, inputSchema: { type: "object" } } };
  await page.evaluate(
    `openView(${JSON.stringify(html)}, ${JSON.stringify({ theme, ...(toolInfo && { toolInfo }) })})`,
  );
  return {
    page,
    frame: page.frameLocator("iframe"),
    show: (answer) => page.evaluate(`bridge.sendToolResult(${JSON.stringify(answer)})`),
    changeTheme: (next) => page.evaluate(`bridge.setHostContext({ theme: "${next}" })`),
    requested,
    complaints,
  };
}

async function bundleHost(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, "view-host.js")],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}
