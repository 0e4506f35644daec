import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { etag } from "hono/etag";
import { ISSUER_KEYS } from "../../../shared/auth/issuer-address.ts";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { findResource, listResources } from "../oauth/resources.ts";
import { describeForRegistry, describeServer, listCards, SERVER_CARD_TYPE } from "./server-card.ts";

/** An hour, as SEP-2127 proposes. These documents change with a deployment. */
const CACHED = { "Cache-Control": "public, max-age=3600" };

/** Seconds. Short, so that the other side sees a new key soon after it signs. */
const KEYS_CACHED = { "Cache-Control": "public, max-age=300" };

/** Public documents, also readable by pages of other origins (SEP-2127, «CORS Requirements»). */
export const discoveryRoutes = new Hono<{ Bindings: Env }>();

const readable = [
  cors({
    origin: "*",
    allowMethods: ["GET"],
    allowHeaders: ["Content-Type", "If-None-Match"],
    exposeHeaders: ["ETag"],
  }),
  etag(),
] as const;

discoveryRoutes.use("/mcp/server-card", ...readable);
discoveryRoutes.use("/mcp/:server/server-card", ...readable);
discoveryRoutes.use("/.well-known/ai-catalog.json", ...readable);
discoveryRoutes.use("/server.json", ...readable);
discoveryRoutes.use(ISSUER_KEYS, ...readable);

discoveryRoutes.get("/mcp/server-card", (c) => answerCard(c, `${c.env.PUBLIC_URL}/mcp`));

discoveryRoutes.get("/mcp/:server/server-card", (c) =>
  answerCard(c, `${c.env.PUBLIC_URL}/mcp/${c.req.param("server")}`),
);

discoveryRoutes.get("/.well-known/ai-catalog.json", async (c) => {
  const catalogue = listCards(c.env.PUBLIC_URL, await listResources(c.env));
  return c.body(JSON.stringify(catalogue), 200, { ...CACHED, "Content-Type": "application/ai-catalog+json" });
});

discoveryRoutes.get("/server.json", async (c) => {
  const resource = await findResource(c.env, `${c.env.PUBLIC_URL}/mcp`);
  if (resource === undefined) return c.notFound();
  return c.json(describeForRegistry(c.env.PUBLIC_URL, resource), 200, CACHED);
});

discoveryRoutes.get(ISSUER_KEYS, async (c) => {
  const { listIssuerKeys } = await import("../../../shared/auth/issuer-key.ts");
  const keys = await listIssuerKeys(openKeyring(c.env, "ISSUER_SIGNING_KEY"));
  return c.json(keys, 200, { ...KEYS_CACHED, "Content-Type": "application/jwk-set+json" });
});

async function answerCard(c: Context<{ Bindings: Env }>, url: string): Promise<Response> {
  const resource = await findResource(c.env, url);
  if (resource === undefined) return await c.notFound();
  const card = JSON.stringify(describeServer(c.env.PUBLIC_URL, resource));
  return c.body(card, 200, { ...CACHED, "Content-Type": SERVER_CARD_TYPE });
}
