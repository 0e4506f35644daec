import type { Paging } from "../../../shared/connections/operations.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { PagePosition } from "./build-request.ts";
import { valueAt } from "./pick-fields.ts";

/** What the next page is computed from. */
export interface AnsweredPage {
  origin: string;
  /** Path and query that were asked. */
  target: string;
  /** The body as it was sent, for cursors within it. */
  body: JsonValue;
  answer: JsonValue;
  rows: readonly JsonValue[];
  /** The `Link` header. */
  link: string | null;
  /** `rows` of the position that was asked for, `""` if it has none; `null` for a first page. */
  before: string | null;
  /** The parameter of the query that is the credential, which no position has. */
  credential: string | null;
}

/**
 * Where the next page of an answer begins; `null` after the last, `elsewhere` if it is at an address that is not asked. A
 * page may name itself, as a scroll of Elasticsearch does: it is the last one if it has no rows or those of the page before,
 * or if it is a first one at its address, since who follows it would never end.
 */
export function findNextPage(paging: Paging, page: AnsweredPage): PagePosition | "elsewhere" | null {
  const found = findNamed(paging, page);
  if (found === null || found === "elsewhere" || !namesItself(found, paging, page)) return found;
  if (page.rows.length === 0 || (page.before === null && "target" in found)) return null;
  const rows = digestText(JSON.stringify(page.rows)).slice(0, 16);
  return rows === page.before ? null : { ...found, rows };
}

function namesItself(found: PagePosition, paging: Paging, page: AnsweredPage): boolean {
  if ("target" in found) return found.target === page.target;
  return paging.style === "cursor" && found.value === askedText(paging.key, page);
}

function findNamed(paging: Paging, page: AnsweredPage): PagePosition | "elsewhere" | null {
  const linked = nextLink(page.link);
  switch (paging.style) {
    case "link":
      return linked === null ? null : sameOrigin(linked, page);
    case "address": {
      const address = valueAt(page.answer, paging.next);
      return typeof address === "string" && address !== "" ? sameOrigin(address, page) : null;
    }
    case "cursor": {
      const cursor = valueAt(page.answer, paging.next);
      if (typeof cursor !== "string" && typeof cursor !== "number") return null;
      return cursor === "" ? null : cursorOf(paging.key, String(cursor));
    }
    case "last": {
      const more = paging.more === undefined ? true : valueAt(page.answer, paging.more);
      const last = page.rows.at(-1);
      const value = last === undefined ? undefined : valueAt(last, paging.field);
      return more === true && (typeof value === "string" || typeof value === "number")
        ? { value: String(value) }
        : null;
    }
    case "page": {
      if (linked !== null) return sameOrigin(linked, page);
      if (page.link !== null || isShort(paging.size, page)) return null;
      return { value: String(askedNumber(paging.key, page, paging.first) + 1) };
    }
    case "offset": {
      if (isShort(paging.size, page)) return null;
      return { value: String(askedNumber(paging.key, page, 0) + page.rows.length) };
    }
  }
}

/** Some name the next page by its whole address although the parameter is a cursor: its own value counts. */
function cursorOf(key: string, cursor: string): PagePosition {
  const inAddress = /^https?:/i.test(cursor) ? URL.parse(cursor)?.searchParams.get(key) : null;
  return { value: inAddress ?? cursor };
}

/** A page with fewer rows than were asked for is the last one. */
function isShort(size: string | undefined, page: AnsweredPage): boolean {
  if (page.rows.length === 0) return true;
  const asked = size === undefined ? Number.NaN : askedNumber(size, page, Number.NaN);
  return page.rows.length < asked;
}

function askedNumber(key: string, page: AnsweredPage, usual: number): number {
  const asked = Number(askedText(key, page) ?? Number.NaN);
  return Number.isFinite(asked) ? asked : usual;
}

/** What was asked under a name, in the query or in the body. */
function askedText(key: string, { target, body }: AnsweredPage): string | null {
  const inQuery = new URL(target, "https://origin.invalid").searchParams.get(key);
  const inBody = valueAt(body, key);
  return inQuery ?? (typeof inBody === "number" || typeof inBody === "string" ? String(inBody) : null);
}

/** The address of `rel="next"` (RFC 8288). */
function nextLink(link: string | null): string | null {
  for (const part of (link ?? "").slice(0, 8_000).split(/,(?=\s*<)/)) {
    const [, address, rest = ""] = /^\s*<([^<>]{1,4000})>(.*)$/.exec(part) ?? [];
    if (address !== undefined && /;\s*rel\s*=\s*"?(?:[^"]*\s)?next\b/i.test(rest)) return address;
  }
  return null;
}

/**
 * Only an address of the same origin is asked: the other system does not choose where Gatehouse goes. A system behind
 * another one may know itself by another address, as SAP does that answers without TLS: then the same path is asked for
 * its next page, at the origin of the entry.
 */
function sameOrigin(
  address: string,
  { origin, target, credential }: AnsweredPage,
): PagePosition | "elsewhere" {
  const url = URL.parse(address, `${origin}${target}`);
  if (url === null || url.username + url.password !== "") return "elsewhere";
  const isOwn = url.origin === origin || url.pathname === new URL(target, origin).pathname;
  return isOwn ? { target: `${url.pathname}${withoutCredential(url.search, credential)}` } : "elsewhere";
}

/** The other system may repeat the secret of the query in the address of the next page, which the caller gets. */
function withoutCredential(search: string, credential: string | null): string {
  if (credential === null) return search;
  const pairs = search.slice(1).split("&");
  const kept = pairs.filter((pair) => !new URLSearchParams(pair).has(credential)).join("&");
  return kept === "" ? "" : `?${kept}`;
}
