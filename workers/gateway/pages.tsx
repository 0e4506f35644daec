import { Hono } from "hono";
import { renderLogoFile } from "../../shared/web/logo.tsx";
import { STYLE } from "../../shared/web/style.ts";
import { HomePage } from "./home-page.tsx";
import { listResources } from "./resources.ts";

const CACHED = { "Cache-Control": "public, max-age=600" };

/** The front page, and the style sheet and mark that all pages share. */
export const pageRoutes = new Hono<{ Bindings: Env }>();

pageRoutes.get("/", (c) => c.html(<HomePage resources={listResources(c.env.PUBLIC_URL)} />));

pageRoutes.get("/style.css", (c) =>
  c.body(STYLE, 200, { ...CACHED, "Content-Type": "text/css; charset=utf-8" }),
);

pageRoutes.get("/favicon.svg", (c) =>
  c.body(renderLogoFile(), 200, { ...CACHED, "Content-Type": "image/svg+xml" }),
);
