import { type Context, Hono } from "hono";
import { connectionName } from "../../../../shared/connections/entry.ts";
import { roleHoldsRight } from "../../../../shared/policy/console.ts";
import { listConnected, readOffers } from "../../connections/offers.ts";
import { readStates } from "../../connections/states.ts";
import { readForm } from "../../read-form.ts";
import { namePeople } from "../names.ts";
import { type InConsole, requireRight } from "../require-right.ts";
import { ConnectionsPage } from "./connections-page.tsx";
import { ReviewPage } from "./review-page.tsx";

const PAGE = "/console/connections";

/** Most definitions of one form: a form has a bounded size. */
const MOST_AT_ONCE = 100;

/**
 * `/console/connections`: what `npm run connections -- status` says; it asks no other system. Below it what MCP servers
 * offer, for those who may decide about it.
 */
export const connectionPageRoutes = new Hono<InConsole>();

connectionPageRoutes.get("/", async (c) => {
  const { policy, signIn, links } = c.var;
  const mayReview = roleHoldsRight(policy, signIn.person.role, "definitions");
  const offers = mayReview ? await readOffers(c.env.PLATFORM_DB) : new Map();
  return c.html(<ConnectionsPage states={await readStates(c.env)} offers={offers} links={links} />);
});

connectionPageRoutes.use("/:name/offers", requireRight("definitions", PAGE));

connectionPageRoutes.get("/:name/offers", (c) => {
  const [, what = "", count = ""] = /^(approved|refused)-(\d{1,4})$/.exec(c.req.query("done") ?? "") ?? [];
  const text = DONE[what]?.(count);
  return show(c, text === undefined ? undefined : { tone: "good", text });
});

connectionPageRoutes.post("/:name/offers", async (c) => {
  const form = await readForm(c.req.raw);
  const { id } = c.var.signIn.person;
  if (form.get("subject") !== id) return await show(c, { tone: "danger", text: OTHER_PERSON }, 409);
  const connection = c.req.param("name");
  const digests = form.getAll("digest").filter((digest) => /^[0-9a-f]{64}$/.test(digest));
  if (!connectionName.safeParse(connection).success || digests.length === 0)
    return await show(c, { tone: "danger", text: "Tick what you decide about." }, 422);
  if (digests.length > MOST_AT_ONCE)
    return await show(c, { tone: "danger", text: `Tick at most ${MOST_AT_ONCE} at once.` }, 422);
  // As npm run connections -- approve and refuse: the same functions write and record it.
  const by = `${PAGE} (${id})`;
  const commands = await import("../../connections/review.ts");
  if (form.get("decision") === "refuse") {
    const { refused } = await commands.refuse(c.env, { command: "refuse", connection, digests, by });
    return c.redirect(`${PAGE}/${connection}/offers?done=refused-${refused.length}`, 303);
  }
  const asked = { command: "approve", connection, digests, all: false, by } as const;
  const { approved, refused } = await commands.approve(c.env, asked);
  const [first] = refused;
  if (first === undefined)
    return c.redirect(`${PAGE}/${connection}/offers?done=approved-${approved.length}`, 303);
  const text = `${approved.length} approved. Not approved: ${refused.map(({ name, refusal }) => `${name}: ${refusal}`).join(" ")}`;
  return await show(c, { tone: "danger", text }, 422);
});

const DONE: Readonly<Record<string, (count: string) => string>> = {
  approved: (count) =>
    `${count} approved, in force with the next publication: npm run connections -- publish`,
  refused: (count) => `${count} refused. What was refused waits again if the other side changes it.`,
};

const OTHER_PERSON = "Another person signed in on this browser in the meantime. Look again, then decide.";

async function show(
  c: Context<InConsole>,
  notice?: { tone: "good" | "danger"; text: string },
  status: 200 | 404 | 409 | 422 = 200,
) {
  const name = c.req.param("name") ?? "";
  const { signIn, links } = c.var;
  const isName = connectionName.safeParse(name).success;
  const { readItems } = await import("../../connections/review.ts");
  const items = isName ? await readItems(c.env, name) : [];
  const people = isName ? await listConnected(c.env.PLATFORM_DB, name) : [];
  const names = await namePeople(
    c.env.PLATFORM_DB,
    people.map(({ id }) => id),
  );
  const props = { name: isName ? name : "", items, people, names, subject: signIn.person.id, links };
  const found = items.length + people.length > 0;
  return c.html(
    <ReviewPage {...props} most={MOST_AT_ONCE} {...(notice && { notice })} />,
    status === 200 && !found ? 404 : status,
  );
}
