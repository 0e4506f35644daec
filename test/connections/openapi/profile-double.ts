import { createPublicKey, verify } from "node:crypto";
import type { Profile, ProfileOperation } from "../../../scripts/connections/profiles/load-profile.ts";

/** A system that a profile describes, as a double of ours: it knows no more of the real one than the profile does. */
export interface ProfileDouble {
  /** Status of every answer besides those of the token endpoint, if not 200. */
  trouble: { status: number; headers?: Record<string, string> } | null;
  /** Number of tokens that are refused before one is taken. */
  refusedTokens: number;
  /** Refuses the tokens that it has given so far. */
  expire(): void;
  /** The credential that it takes. */
  secret: string;
  /** Requests without those for tokens. */
  asked: number;
  fetch(request: Request): Promise<Response>;
}

/** Rows of a page. */
const ROWS = 2;

/** Opens a double. Each list has two pages. */
export function openDouble(
  { operations, check, failure }: Profile,
  base: string,
  secret: string,
): ProfileDouble {
  const routes = Object.values(operations).map((operation) => {
    const [method = "", path = ""] = operation.request.split(" ");
    const parts = path.split(/\{[^{}]+\}/).map((part) => part.replace(/[\\^$.|?+()[\]{}*]/g, "\\$&"));
    return { method, pattern: new RegExp(`^${parts.join("[^/]+")}$`), operation };
  });
  let tokens = 0;
  const double: ProfileDouble = {
    trouble: null,
    refusedTokens: 0,
    asked: 0,
    secret,
    expire() {
      double.refusedTokens = tokens;
    },
    async fetch(request) {
      const url = new URL(request.url);
      if (/token$/.test(url.pathname)) {
        const form = await request.text();
        const assertion = new URLSearchParams(form).get("assertion");
        const client = JSON.stringify([...request.headers]) + form;
        if (assertion === null ? !holds(client, double.secret) : !isSigned(assertion, double.secret))
          return Response.json({ error: "invalid_grant" }, { status: 400 });
        tokens += 1;
        return Response.json({ access_token: `token-${tokens}`, expires_in: 3_600 });
      }
      double.asked += 1;
      const given = JSON.stringify([...request.headers]) + url.search;
      const isKnown =
        tokens > 0
          ? given.includes(`token-${tokens}`) && tokens > double.refusedTokens
          : holds(given, double.secret);
      // Some refuse an account with status 200.
      if (!isKnown && failure !== undefined)
        return Response.json({ [failure.at]: false, [failure.reason]: "invalid_auth" });
      if (!isKnown) return Response.json({ message: "no" }, { status: 401 });
      if (double.trouble) return Response.json({ message: "trouble" }, double.trouble);
      const path = url.pathname.slice(base.length);
      const body = await request.text();
      const fitting = routes.filter(({ method, pattern }) => method === request.method && pattern.test(path));
      // Operations of GraphQL share an address.
      const found = fitting.find(
        ({ operation }) =>
          operation.graphql === undefined || body.includes(JSON.stringify(operation.graphql)),
      );
      // What the command's test reads.
      if (found === undefined && path === check?.split("?")[0]) return Response.json({ ok: true });
      if (found === undefined) return Response.json({ message: "none" }, { status: 404 });
      return answer(found.operation, url, body);
    },
  };
  return double;
}

/** Whether an assertion was signed with the key that the double knows. */
function isSigned(assertion: string, secret: string): boolean {
  const [header = "", claims = "", signature = ""] = assertion.split(".");
  const pem = secret.startsWith("{") ? (JSON.parse(secret) as { private_key: string }).private_key : secret;
  if (!pem.includes("PRIVATE KEY")) return false;
  const signed = Buffer.from(`${header}.${claims}`);
  return verify("sha256", signed, createPublicKey(pem), Buffer.from(signature, "base64url"));
}

/** Basic authentication hides the secret in Base64. */
function holds(given: string, secret: string): boolean {
  const basic = /Basic ([A-Za-z0-9+/=]+)/.exec(given)?.[1];
  return (
    secret.split(" ").every((part) => given.includes(part)) ||
    (basic !== undefined && atob(basic).endsWith(`:${secret}`))
  );
}

function answer({ list, fields = [], paging, graphql }: ProfileOperation, url: URL, body: string): Response {
  const whole: Record<string, unknown> = graphql === undefined ? {} : { data: {} };
  if (list === undefined) {
    for (const field of fields) setAt(whole, field, `value of ${field}`);
    return Response.json({ ...whole, extra: "not asked for" });
  }
  const isSecond =
    /(?:second|page=[12]\b|offset=[1-9]|startAt=[1-9]|start=[1-9]|offset%5D=[1-9]|starting_after)/.test(
      url.search + body,
    );
  const rows = Array.from({ length: isSecond ? 1 : ROWS }, (_, at) => {
    const row: Record<string, unknown> = { extra: "not asked for" };
    for (const field of fields) setAt(row, field, `${isSecond ? "second" : "first"} ${at}`);
    return row;
  });
  const headers: Record<string, string> = {};
  if (paging !== undefined && !isSecond) {
    const next = `${url.pathname}?mark=second`;
    if (paging.style === "link") headers.link = `<${url.origin}${next}>; rel="next"`;
    if (paging.style === "address") setAt(whole, paging.next, next);
    if (paging.style === "cursor") setAt(whole, paging.next, "second");
    if (paging.style === "last" && paging.more !== undefined) setAt(whole, paging.more, true);
  }
  if (list === "") return Response.json(rows, { headers });
  setAt(whole, list, rows);
  return Response.json(whole, { headers });
}

/** Sets a value at a dotted path; a name such as `@odata.nextLink` is one name. */
function setAt(target: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.startsWith("@") ? [path] : path.split(".");
  let place = target;
  for (const name of names.slice(0, -1)) {
    const inner = place[name];
    const next = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : {};
    place[name] = next;
    place = next;
  }
  const last = names.at(-1) ?? path;
  place[last] ??= value;
}
