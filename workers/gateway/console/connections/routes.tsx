import { Hono } from "hono";
import { readStates } from "../../connections/states.ts";
import type { InConsole } from "../require-right.ts";
import { ConnectionsPage } from "./connections-page.tsx";

/** `/console/connections`: what `npm run connections -- status` says. It reads only, and asks no other system. */
export const connectionPageRoutes = new Hono<InConsole>();

connectionPageRoutes.get("/", async (c) =>
  c.html(<ConnectionsPage states={await readStates(c.env)} links={c.var.links} />),
);
