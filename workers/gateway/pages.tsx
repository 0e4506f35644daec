import { Hono } from "hono";
import { iconPath } from "../../shared/server/icons.ts";
import { CONSOLE_STYLE } from "../../shared/web/console-style.ts";
import { renderGlyphFile, renderLogoFile } from "../../shared/web/logo.tsx";
import { readLogoIcon, readLogoImage } from "../../shared/web/logo-image.ts";
import { STYLE } from "../../shared/web/style.ts";
import { listServers } from "../servers.ts";
import { HomePage } from "./home-page.tsx";
import { listResources } from "./oauth/resources.ts";

const CACHED = { "Cache-Control": "public, max-age=600" };

/** The front page, and the style sheet, logo and icons of pages and clients. */
export const pageRoutes = new Hono<{ Bindings: Env }>();

pageRoutes.get("/", async (c) => c.html(<HomePage resources={await listResources(c.env)} />));

pageRoutes.get("/style.css", (c) =>
  c.body(STYLE + CONSOLE_STYLE, 200, { ...CACHED, "Content-Type": "text/css; charset=utf-8" }),
);

pageRoutes.get("/favicon.svg", (c) =>
  c.body(renderLogoFile(), 200, { ...CACHED, "Content-Type": "image/svg+xml" }),
);

pageRoutes.get("/favicon.ico", (c) =>
  c.body(readLogoIcon(), 200, { ...CACHED, "Content-Type": "image/vnd.microsoft.icon" }),
);

pageRoutes.get("/logo.png", (c) => c.body(readLogoImage(), 200, { ...CACHED, "Content-Type": "image/png" }));

for (const { name, title, glyph } of listServers()) {
  if (glyph === undefined) continue;
  pageRoutes.get(iconPath(name), (c) =>
    c.body(renderGlyphFile(title, glyph), 200, { ...CACHED, "Content-Type": "image/svg+xml" }),
  );
}
