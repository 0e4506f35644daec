import { beforeAll, describe, expect, it } from "vitest";
import { LANES, openSession } from "../support/session.ts";
import { saveArticles } from "./fixture.ts";

beforeAll(saveArticles);

describe.each(LANES)("feedback (%s)", (lane) => {
  it("of several users appears in the gaps, most frequent first, and ends with the article's next version", async () => {
    const ann = await openSession({ server: "knowledge", lane, as: `ann-${lane}`, role: "viewer" });
    const ben = await openSession({ server: "knowledge", lane, as: `ben-${lane}`, role: "sales" });
    const editor = await openSession({ server: "knowledge", lane, as: `ed-${lane}`, role: "editor" });
    const topic = lane === "sessionful" ? "parental leave" : "bicycle lease";
    const missing = { verdict: "missing", question: `What about ${topic}?` };
    await ann.call("knowledge_give_feedback", missing);
    await ann.call("knowledge_give_feedback", missing);
    await ben.call("knowledge_give_feedback", { verdict: "missing", question: `the ${topic}` });
    const id = lane === "sessionful" ? "incident-process" : "travel-and-expenses";
    await ann.call("knowledge_give_feedback", { verdict: "not_useful", id, comment: "Too short" });
    await ben.call("knowledge_give_feedback", { verdict: "useful", id });

    const { gaps } = (await editor.call("knowledge_list_gaps")).data;
    const [most] = gaps.filter((gap: { question?: string }) => gap.question?.includes(topic));
    expect(most).toMatchObject({ kind: "missing", people: 2 });
    expect(gaps.find((gap: { article?: string }) => gap.article === id)).toMatchObject({
      kind: "not_useful",
      people: 1,
      comment: "Too short",
    });

    const change = { id, expected_version: 1, body: "# Longer\n\nMuch more.", change_note: "Longer" };
    await editor.call("knowledge_update_article", change);
    const after = (await editor.call("knowledge_list_gaps")).data.gaps;
    expect(after.filter((gap: { article?: string }) => gap.article === id)).toEqual([]);
    expect((await ann.call("knowledge_give_feedback", { verdict: "useful" })).error?.message).toContain("id");
  });

  it("is not listed for users who cannot write", async () => {
    const viewer = await openSession({ server: "knowledge", lane, as: "viewer", role: "viewer" });
    const names = (await viewer.listTools()).map((tool: { name: string }) => tool.name);
    expect(names).toContain("knowledge_give_feedback");
    expect(names).not.toContain("knowledge_list_gaps");
  });

  it("is joined by articles past their review date, which carry a warning", async () => {
    const editor = await openSession({ server: "knowledge", lane, role: "editor" });
    const id = "refund-policy";
    const set = await editor.call("knowledge_review_article", {
      id,
      owner: "Finance",
      review_on: "2020-01-31",
    });
    expect(set.data).toEqual({ id, owner: "Finance", review_on: "2020-01-31" });
    const { metadata } = (await editor.call("fetch", { id })).data;
    expect(metadata).toMatchObject({ version: 1, owner: "Finance", review_on: "2020-01-31" });
    expect(metadata.warning).toContain("Ask Finance");
    const { gaps } = (await editor.call("knowledge_list_gaps")).data;
    expect(gaps).toContainEqual({
      kind: "overdue",
      article: id,
      title: "Refund policy",
      collection: "handbook",
      at: "2020-01-31",
    });
    await editor.call("knowledge_review_article", { id, review_on: "" });
    expect((await editor.call("fetch", { id })).data.metadata.warning).toBeUndefined();
  });
});
