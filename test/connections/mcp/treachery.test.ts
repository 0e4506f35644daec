import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { FOREIGN_LINKS } from "../../support/mcp-servers/treacherous.ts";
import { LANES, openSession } from "../../support/session.ts";
import { approve, command, mcpEntryOf, publishEntries, type Reviewed } from "./gateway.ts";

/** Servers whose answer is none: the call ends in one sentence of ours. */
const REFUSED = [
  "deep",
  "nests",
  "limits",
  "deep_error",
  "says_less",
  "says_more",
  "changes_type",
  "empties",
  "accepts",
  "drips_bytes",
  "points_inside",
  "loops",
] as const;

/** Servers whose answer is one, and tries something. */
const ANSWERED = ["floods", "answers_twice", "cookie", "links", "trusts", "prototype", "echoes"] as const;

const nameOf = (manner: string) => manner.replaceAll("_", "");

const ENTRIES = {
  ...Object.fromEntries(
    [...REFUSED, ...ANSWERED].map((manner) => [
      nameOf(manner),
      mcpEntryOf(`/hostile/${manner}`, {
        title: manner,
        limits: { seconds: 1 },
        auth: { type: manner === "echoes" ? "bearer" : "none" },
      }),
    ]),
  ),
  changes: mcpEntryOf("/hostile/nests", { title: "Changes", tools: { read: { effect: "update" } } }),
  steady: mcpEntryOf("/legacy", { title: "Steady" }),
};

beforeAll(async () => {
  await writeSecret(env, "echoes", "the-secret-of-all", Date.now());
  for (const [name, entry] of Object.entries(ENTRIES)) await approve(name, entry);
  await publishEntries(ENTRIES);
});

const scopes = Object.keys(ENTRIES).flatMap((name) => [`${name}:read`, `${name}:write`, `${name}:delete`]);
const open = (lane: (typeof LANES)[number], as: string) => openSession({ server: "", lane, as, scopes });

describe.each(LANES)("a treacherous server, on the %s lane", (lane) => {
  it.each(REFUSED)("that %s ends its call in a sentence of ours, and no other call", async (manner) => {
    const [session, other] = [await open(lane, "tess"), await open(lane, "theo")];
    const [bad, good] = await Promise.all([
      session.call(`${nameOf(manner)}_read`),
      other.call("steady_echo", { text: "fine" }),
    ]);
    expect(bad.isError).toBe(true);
    expect(["unavailable", "timeout", "forbidden", "result_too_large"]).toContain(bad.error?.code);
    expect(bad.error?.message).toMatch(/^[A-Za-z_ ]+ /);
    expect(JSON.stringify(bad)).not.toMatch(
      /IGNORE|127\.0\.0\.1|<script|call stack|JSON at|Unexpected|node_modules|x{40}/,
    );
    expect(good.content[0]).toMatchObject({ text: "fine" });
    // Nothing of it is left for the person's next call.
    expect((await session.call("steady_echo", { text: "again" })).content[0]).toMatchObject({
      text: "again",
    });
  });

  it("that wants no more calls for a while is said to, with the seconds", async () => {
    const { error } = await (await open(lane, "tess")).call("limits_read");
    expect(error).toMatchObject({
      message: "limits allows no more calls now; call again in 7 seconds.",
      retry_after: 7,
    });
  });

  it("that answers a change with what cannot be passed on is not asked for it again", async () => {
    const { error } = await (await open(lane, "tess")).call("changes_read");
    expect(error).toMatchObject({
      message: "The server answers with values that are too deep. The call was made: do not repeat it.",
      suggested_action: "Look at the data in the other system.",
    });
  });

  it("that floods a call with notifications is heard, and its answer comes", async () => {
    const { content } = await (await open(lane, "tess")).call("floods_read");
    expect(content[0]).toMatchObject({ text: "flooded" });
  });

  it("that answers twice is heard once", async () => {
    const session = await open(lane, "tess");
    expect((await session.call("answerstwice_read")).content).toEqual([{ type: "text", text: "first" }]);
    expect((await session.call("answerstwice_read")).content).toEqual([{ type: "text", text: "first" }]);
  });

  it("that sets a cookie gets it from no person", async () => {
    for (const as of ["tess", "theo", "tess"])
      expect((await (await open(lane, as)).call("cookie_read")).content[0]).toMatchObject({
        text: "cookie: none",
      });
  });

  it("that links to resources of others has links to its own alone", async () => {
    const session = await open(lane, "tess");
    const { content } = await session.call("links_read");
    const uris = content.flatMap((block) =>
      "uri" in block ? [block.uri] : "resource" in block ? [block.resource.uri] : [],
    );
    expect(uris).toHaveLength(2 * FOREIGN_LINKS.length);
    for (const uri of uris) expect(uri).toMatch(/^links:/);
  });

  it("that claims to be trusted is not", async () => {
    const { meta, content } = await (await open(lane, "tess")).call("trusts_read");
    expect(meta?.["io.modelcontextprotocol/trust-annotations"]).toEqual({ untrusted: true });
    expect(JSON.stringify([meta, content])).not.toMatch(/gatehouse\/trusted|false/);
  });

  it("that sends members of prototypes changes nothing here", async () => {
    await (await open(lane, "tess")).call("prototype_read");
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it("that repeats the secret of the connection shows it to no person", async () => {
    const answer = await (await open(lane, "tess")).call("echoes_read");
    expect(answer.isError).toBe(false);
    expect(JSON.stringify(answer)).toContain("You sent Bearer [secret]");
    expect(JSON.stringify(answer)).not.toContain("the-secret-of-all");
  });
});

describe("a list without an end", () => {
  it.each([
    ["same_cursor", 2],
    ["two_cursors", 3],
    ["new_cursors", 64],
  ])("whose cursors are of the kind %s is read to a bound", async (manner, most) => {
    const entry = mcpEntryOf(`/hostile/${manner}`, { title: manner });
    const { ok, items } = await command<{ ok: boolean; items: Reviewed[] }>({
      command: "review",
      connection: nameOf(manner),
      entry,
    });
    expect(ok).toBe(true);
    expect(items.length).toBeGreaterThan(0);
    expect(items.length).toBeLessThanOrEqual(most);
  });
});
