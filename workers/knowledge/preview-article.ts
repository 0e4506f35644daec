import type { PreviewedChange, PreviewedField } from "../../shared/call/proposal.ts";
import type { Article } from "./store/rows.ts";

/** What an approver is shown of an article whose next version would read like `next`. */
export function previewArticle(
  current: Article,
  next: Pick<Article, "title" | "body" | "tags">,
): PreviewedChange {
  const fields: PreviewedField[] = [
    { name: "title", from: current.title, to: next.title },
    { name: "body", ...cutToDifference(current.body, next.body) },
    { name: "tags", from: current.tags.join(", "), to: next.tags.join(", ") },
  ];
  return {
    record: { type: "article", id: current.slug, label: current.title },
    owner: current.owner,
    fields: fields.filter(({ from, to }) => from !== to),
  };
}

/** Lines that two texts have in common at their beginning are left out: a page shows the first part of each only. */
function cutToDifference(one: string, other: string): { from: string; to: string } {
  const [from, to] = [one.split("\n"), other.split("\n")];
  const shared = from.findIndex((line, at) => line !== to[at]);
  const start = shared === -1 ? from.length : shared;
  if (one === other) return { from: one, to: other };
  return { from: from.slice(start).join("\n"), to: to.slice(start).join("\n") };
}
