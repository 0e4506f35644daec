import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createSecret } from "../../shared/auth/access-key.ts";
import { awaitEvents, linksOf, principalOf } from "../audit/trail.ts";
import { LANES, openSession } from "../support/session.ts";

const digits = (length: number) =>
  fc
    .array(fc.integer({ min: 1, max: 9 }), { minLength: length, maxLength: length })
    .map((all) => all.join(""));

/** Values that must be in no record and in no log, each unique. */
const sensitive = fc.oneof(
  digits(9).map((text) => `person${text}@private.example`),
  digits(36).map((text) => `ghp_${text}`),
  fc.constant(createSecret).map((create) => create().text),
  digits(10).map((text) => `+49 151 ${text}`),
  digits(16).map((text) => `Password: hunter${text}`),
);

const written: string[] = [];

beforeAll(() => {
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    vi.spyOn(console, method).mockImplementation((...parts) => void written.push(JSON.stringify(parts)));
  }
});

afterAll(() => vi.restoreAllMocks());

let people = 0;

describe.each(LANES)(
  "invariant 8: nothing sensitive is stored in a record or logged, on the %s lane",
  (lane) => {
    it("wherever a client puts it: in a value, in a name, in a tool that is refused or does not exist", async () => {
      await fc.assert(
        fc.asyncProperty(sensitive, async (secret) => {
          const as = `red${people++}`;
          const session = await openSession({ server: "crm", lane, as, role: "viewer" });
          await session.call("crm_find_contacts", { query: secret });
          await session.call("crm_find_contacts", { [secret]: secret });
          await session.call("crm_create_contact", { first_name: secret, email: secret });
          await session.request("tools/call", { name: secret.slice(0, 60), arguments: { secret } });
          await session.request("resources/read", { uri: `crm://deals/${encodeURIComponent(secret)}` });
          await session.request("prompts/get", {
            name: "crm_prepare_meeting",
            arguments: { customer: secret },
          });
          await awaitEvents(`user_${as}`, 6);
          const stored = JSON.stringify(await linksOf(`user_${as}`));
          expect(stored).toContain("crm_find_contacts");
          for (const text of [stored, ...written]) {
            expect(text).not.toContain(secret);
            expect(text).not.toContain(encodeURIComponent(secret));
            expect(text).not.toContain(session.token.accessToken);
          }
        }),
        { numRuns: 8 },
      );
      expect(written.length, "there is a log to look at").toBeGreaterThan(0);
    }, 30_000);
  },
);

/** Values that no session memory keeps, for any role. */
const neverStored = fc.oneof(
  digits(36).map((text) => `ghp_${text}`),
  fc.constant(createSecret).map((create) => create().text),
  digits(16).map((text) => `Password: hunter${text}`),
  fc.constantFrom("4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005"),
);

/** The object of a session of the CRM. */
function sessionObject(sealed = ""): DurableObjectStub {
  const agents = env.CRM_AGENT as unknown as DurableObjectNamespace;
  return agents.get(agents.idFromName(`streamable-http:${sealed.split(".")[0]}`));
}

/** Everything in an object's storage. */
function dump(stub: DurableObjectStub): Promise<string> {
  return runInDurableObject(stub, (_object, { storage: { sql } }) => {
    const tables = sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray();
    return JSON.stringify(tables.map(({ name }) => sql.exec(`SELECT * FROM "${name}"`).toArray()));
  });
}

describe.each(LANES)("invariant 8: no memory keeps a secret or a payment card, on the %s lane", (lane) => {
  it("neither as a note, nor as a default, nor among kept results; personal data stays for its user", async () => {
    await fc.assert(
      fc.asyncProperty(neverStored, async (secret) => {
        const as = `mem${people++}`;
        const session = await openSession({ server: "crm", lane, as, role: "admin" });
        const home = lane === "stateless" ? principalOf(`user_${as}`) : sessionObject(session.sessionId);
        await session.call("context_set", {
          note: `Ada (ada@customer.example) wrote: ${secret}`,
          defaults: { owner: secret },
        });
        const rows = [{ text: secret, deep: [{ text: `and ${secret}, by ada@customer.example` }] }];
        const handle = { handle: "res_1", tool: "crm_find_contacts", rows: 1, createdAt: 1 };
        await principalOf(`user_${as}`).keepResult("app", handle, rows);
        for (const stored of [await dump(home), await dump(principalOf(`user_${as}`))]) {
          expect(stored).not.toContain(secret.replace("Password: ", ""));
          expect(stored).toContain("ada@customer.example");
        }
      }),
      { numRuns: 4 },
    );
  }, 30_000);
});
