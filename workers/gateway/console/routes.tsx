import { Hono } from "hono";
import type { Policy } from "../../../shared/policy/compile.ts";
import { roleHoldsRight } from "../../../shared/policy/console.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { requirePerson } from "../sign-in/require-person.ts";
import { ConsoleHomePage } from "./home-page.tsx";
import { CONSOLE_PAGES } from "./pages.ts";
import { type InConsole, requireRight } from "./require-right.ts";

/** `/console`, and the pages below it. Each is mounted behind its right here, so none can be reached without it. */
export const consoleRoutes = new Hono<InConsole>();

consoleRoutes.get("/console", requirePerson(), async (c) => {
  const links = listLinks(await policyInForce(c.env), c.var.signIn.person.role);
  return c.html(<ConsoleHomePage links={links} />);
});

for (const { name, right, routes } of CONSOLE_PAGES) {
  const path = pathOf(name);
  consoleRoutes.use(`${path}/*`, requirePerson(path), requireRight(right, path), async (c, next) => {
    c.set("links", listLinks(c.var.policy, c.var.signIn.person.role));
    await next();
  });
  consoleRoutes.route(path, routes);
}

/** The pages that a role opens, with what each is for. */
function listLinks(policy: Policy, role: string) {
  return CONSOLE_PAGES.flatMap(({ name, title, text, right }) =>
    roleHoldsRight(policy, role, right) ? [{ href: pathOf(name), title, text }] : [],
  );
}

function pathOf(name: string): string {
  return `/console/${name}`;
}
