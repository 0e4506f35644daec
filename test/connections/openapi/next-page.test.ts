import { describe, expect, it } from "vitest";
import type { Paging } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { PagePosition } from "../../../workers/connections/openapi/build-request.ts";
import { findNextPage } from "../../../workers/connections/openapi/next-page.ts";

interface Page {
  rows: JsonValue[];
  /** What the page names as the next one: a cursor or an address. */
  names: string;
}

const STYLES = {
  cursor: { style: "cursor", next: "_scroll_id", key: "scroll_id", in: "body" },
  address: { style: "address", next: "_scroll_id" },
  link: { style: "link" },
} as const satisfies Record<string, Paging>;

/** The rows that a caller gets who follows each next page, up to 20 pages. */
function follow(paging: Paging, target: string, pages: (number: number) => Page, body: JsonValue = null) {
  const all: JsonValue[][] = [];
  let position: PagePosition | null = null;
  for (let number = 0; number < 20; number += 1) {
    const { rows, names } = pages(number);
    all.push(rows);
    const found = findNextPage(paging, {
      origin: "https://search.example",
      target: position !== null && "target" in position ? position.target : target,
      body: position !== null && "value" in position ? { scroll_id: position.value } : body,
      answer: { _scroll_id: names },
      rows,
      link: paging.style === "link" ? `<${names}>; rel="next"` : null,
      before: position === null ? null : (position.rows ?? ""),
      credential: "api_key",
    });
    if (found === null || found === "elsewhere") return all;
    position = found;
  }
  return all;
}

const namesOf = (style: keyof typeof STYLES) => (style === "cursor" ? "c" : "/scroll?id=c");

describe.each(["cursor", "address", "link"] as const)(
  "A list whose pages have the same next page, by %s,",
  (style) => {
    const names = namesOf(style);

    it("goes on until a page without rows", () => {
      const rows = [[{ id: 1 }], [{ id: 2 }], [{ id: 3 }], []];
      expect(follow(STYLES[style], "/search", (at) => ({ rows: rows[at] ?? [], names }))).toEqual(rows);
    });

    it("ends with the second page that has the same rows", () => {
      const all = follow(STYLES[style], "/search", (at) => ({ rows: [{ id: Math.min(at, 2) }], names }));
      expect(all).toEqual([[{ id: 0 }], [{ id: 1 }], [{ id: 2 }], [{ id: 2 }]]);
    });
  },
);

describe("A first page that names itself as the next one", () => {
  it("has no further page by its address", () => {
    const own = (names: string) => () => ({ rows: [{ id: 1 }], names });
    expect(follow(STYLES.link, "/search?a=1", own("/search?a=1"))).toHaveLength(1);
    expect(follow(STYLES.address, "/search?a=1", own("https://search.example/search?a=1"))).toHaveLength(1);
    // The address may have the credential of the query, which no request names twice.
    expect(follow(STYLES.link, "/search?a=1", own("/search?api_key=s&a=1"))).toHaveLength(1);
    expect(follow(STYLES.link, "/search", own("/search?api%5Fkey=s"))).toHaveLength(1);
  });

  it("is followed by its cursor, which its caller had from elsewhere", () => {
    const rows = [[{ id: 1 }], [{ id: 2 }], []];
    const all = follow(STYLES.cursor, "/scroll", (at) => ({ rows: rows[at] ?? [], names: "c" }), {
      scroll_id: "c",
    });
    expect(all).toEqual(rows);
  });
});
