import { describe, expect, it } from "vitest";
import { storeCatalogues } from "../../shared/policy/changes/publications.ts";
import { publish, publishCatalogues } from "../support/publish.ts";
import { openAs, textOf } from "./waiting-call.ts";

describe("the page of the policy", { timeout: 40_000 }, () => {
  it("lists publications of the policy alone, and not those of connections between them", async () => {
    const { browser } = await openAs("admin");
    const first = await publish(({ limits }) => (limits.calls_per_user = 4_711));
    await publishCatalogues(storeCatalogues({ shop: "{}" }, Date.now()));
    const html = await textOf(browser.get("/console/policy"));
    const rows = html.match(new RegExp(`>Version ${first}</a>`, "g"));
    expect(rows).toHaveLength(1);
    expect(html).toContain(`Version ${first} is in force`);
    const second = await publish(({ limits }) => (limits.calls_per_user = 4_712));
    const later = await textOf(browser.get("/console/policy"));
    expect(later.match(new RegExp(`>Version ${first}</a>`, "g"))).toHaveLength(1);
    expect(later).toContain(`>Version ${second}</a>`);
    await publishCatalogues(storeCatalogues({}, Date.now()));
  });
});
