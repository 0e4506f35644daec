import { createExecutionContext, env } from "cloudflare:test";
import { ADMINISTRATION } from "../../shared/audit/record.ts";
import { app } from "../../workers/gateway/app.ts";
import { allEventsOf } from "../audit/trail.ts";
import { PASSWORD, type TestBrowser, type TestPerson } from "../support/oauth.ts";

/** The page of an invitation, and that of an import. */
export const INVITE = "/console/people/invite";
export const IMPORT = "/console/people/import";
/** The page of a person. */
export const pathOf = ({ id }: { id: string }) => `/console/people/${id}`;

/** The form of a person, who types the password once more. */
export const form = (by: TestPerson, fields: Record<string, string>) => ({
  ...{ subject: by.id, password: PASSWORD },
  ...fields,
});

/** The path of the link on a page; empty for none. */
export const linkIn = (html: string) => /\/password\?link=[0-9a-f]{64}/.exec(html)?.[0] ?? "";

/** A person as the database has them, by address. */
export const findPerson = (email: string) =>
  env.PLATFORM_DB.prepare(`SELECT "id", "role", "name" FROM "user" WHERE "email" = ?`)
    .bind(email)
    .first<{ id: string; role: string; name: string }>();

/** What the trail has of a person's changes. */
export const changesOf = async (id: string) =>
  (await allEventsOf(ADMINISTRATION)).flatMap((event) =>
    event.type === "person_change" && event.userId === id ? [{ change: event.change, by: event.by }] : [],
  );

/** A Worker that sends e-mail, by a binding that keeps what it gets or rejects. */
export function mailing(
  browser: TestBrowser,
  takes: (to: string) => boolean = () => true,
  code = "E_RECIPIENT_NOT_ALLOWED",
) {
  const sent: { to: string[]; text: string }[] = [];
  const send = async (message: { to: string[]; text: string }) => {
    if (!takes(message.to[0] ?? "")) throw Object.assign(new Error("x"), { code });
    sent.push(message);
    return { messageId: "m" };
  };
  const there = { ...env, EMAIL_FROM: "gate@example.com", EMAIL: { send } } as unknown as Env;
  browser.serve = (request) => app.fetch(request, there, createExecutionContext());
  return { sent, there };
}

/** An address that no one has. */
export const fresh = () => `${crypto.randomUUID()}@new.example`;

/** The form with a file of people. */
export function file(by: TestPerson, text: string | Uint8Array<ArrayBuffer>): FormData {
  const body = new FormData();
  body.set("subject", by.id);
  body.set("file", new File([text], "people.csv", { type: "text/csv" }));
  return body;
}
