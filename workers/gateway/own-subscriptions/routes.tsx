import { type Context, Hono } from "hono";
import { eventGate } from "../../../shared/objects/event-gate.ts";
import { nameApps } from "../console/names.ts";
import { limitVisitors } from "../limits/limit-address.ts";
import { readForm } from "../read-form.ts";
import { requirePerson, type SignedIn } from "../sign-in/require-person.ts";
import { SubscriptionsPage } from "./subscriptions-page.tsx";

const PAGE = "/account/subscriptions";
/** Most forms of this page from one address. */
const ENDS_PER_MINUTE = 60;

/** `/account/subscriptions`: what a person's apps are told of. It asks the object of the signed-in person and no other. */
export const ownSubscriptionRoutes = new Hono<SignedIn>();

ownSubscriptionRoutes.get(PAGE, requirePerson(), (c) =>
  show(
    c,
    c.req.query("done") === "ended" ? { tone: "good", text: "Ended: nothing more is delivered." } : undefined,
  ),
);

// Each asks the person's object, which holds what is to be delivered.
const limitEnds = limitVisitors(
  { what: "subscriptions", limit: ENDS_PER_MINUTE, windowMs: 60_000 },
  {
    message: "Too many subscriptions are being ended from this address.",
    action: "Wait a minute, then try again.",
  },
);

ownSubscriptionRoutes.post(PAGE, limitEnds, requirePerson(PAGE), async (c) => {
  const form = await readForm(c.req.raw);
  const { id } = c.var.signIn.person;
  if (form.get("subject") !== id) {
    const text = "Another person signed in on this browser in the meantime. Look again, then decide.";
    return await show(c, { tone: "danger", text }, 409);
  }
  // Recorded in the person's chain by their object.
  const ended = await eventGate(c.env, id).end(
    (form.get("subscription") ?? "").slice(0, 64),
    "ended_on_page",
  );
  if (!ended) return await show(c, { tone: "danger", text: "This subscription has ended already." }, 404);
  return c.redirect(`${PAGE}?done=ended`, 303);
});

async function show(
  c: Context<SignedIn>,
  notice?: { tone: "good" | "danger"; text: string },
  status: 200 | 404 | 409 = 200,
): Promise<Response> {
  const { id: subject } = c.var.signIn.person;
  const subscriptions = await eventGate(c.env, subject).list();
  const apps = await nameApps(
    c.env,
    subscriptions.map(({ clientId }) => clientId),
  );
  return c.html(<SubscriptionsPage {...{ subscriptions, apps, subject, notice }} />, status);
}
