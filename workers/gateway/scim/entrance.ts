import { Hono } from "hono";

/** `/scim/v2`: provisioning of people by another system. Its code is loaded at the first request. */
export const scimRoutes = new Hono<{ Bindings: Env }>();

scimRoutes.all("/scim/v2/*", async (c) =>
  (await import("./routes.ts")).scim.fetch(c.req.raw, c.env, c.executionCtx),
);
