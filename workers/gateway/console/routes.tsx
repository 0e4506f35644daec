import { Hono } from "hono";
import { roleHoldsRight } from "../../../shared/policy/console.ts";
import { policyInForce } from "../../../shared/policy/current.ts";
import { requirePerson } from "../sign-in/require-person.ts";
import { ConsoleHomePage } from "./home-page.tsx";
import { CONSOLE_PAGES } from "./pages.ts";
import { type InConsole, requireRight } from "./require-right.ts";

/** `/console`, and the pages below it. Each is mounted behind its right here, so none can be reached without it. */
export const consoleRoutes = new Hono<InConsole>();

consoleRoutes.get("/console", requirePerson(), async (c) => {
  const policy = await policyInForce(c.env);
  const { person } = c.var.signIn;
  const pages = CONSOLE_PAGES.filter(({ right }) => roleHoldsRight(policy, person.role, right));
  return c.html(
    <ConsoleHomePage pages={pages.map(({ name, title, text }) => ({ href: pathOf(name), title, text }))} />,
  );
});

for (const { name, right, routes } of CONSOLE_PAGES) {
  const path = pathOf(name);
  consoleRoutes.use(`${path}/*`, requirePerson(path), requireRight(right, path));
  consoleRoutes.route(path, routes);
}

function pathOf(name: string): string {
  return `/console/${name}`;
}
