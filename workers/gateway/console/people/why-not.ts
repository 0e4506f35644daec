import type { Context } from "hono";
import { actsFor } from "../../teams/own-teams.ts";
import type { InConsole } from "../require-right.ts";

/** Why a person does not change this account, which is their own or their team's; `null` if they may. */
export async function whyNot(c: Context<InConsole>, { id }: { id: string }): Promise<string | null> {
  const { person: asking } = c.var.signIn;
  if (id === asking.id) return "Another person who manages people changes your own role and access.";
  if (!(await actsFor(c.env.PLATFORM_DB, asking.id, id))) return null;
  return "You act for this team. A person who does not act for it changes its role and access.";
}

/** {@link whyNot} by the address that a form names; `null` too for a person who is not there yet. */
export async function whyNotAt(c: Context<InConsole>, email: string): Promise<string | null> {
  const found = await c.env.PLATFORM_DB.prepare(`SELECT "id" FROM "user" WHERE "email" = ?`)
    .bind(email)
    .first<{ id: string }>();
  return found && (await whyNot(c, found));
}
