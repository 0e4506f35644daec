import fc from "fast-check";
import { describe, expect, it } from "vitest";
import bundled from "../../shared/policy/policy.json" with { type: "json" };
import { policyDocument } from "../../shared/policy/schema.ts";
import { readClaim } from "../../shared/policy/sign-in/claims.ts";
import {
  compileSignIn,
  findRole,
  providerOfEmail,
  saysSecondFactor,
} from "../../shared/policy/sign-in/sign-in.ts";

const OIDC = {
  kind: "oidc",
  title: "Corp",
  issuer: "https://login.example.com/tenant",
  client_id: "gatehouse",
  roles: [{ role: "viewer", when: { groups: ["staff"] } }],
} as const;

/** Sentences about a policy with this section. */
function mistakesOf(sign_in: unknown): string[] {
  const read = policyDocument.safeParse({ ...structuredClone(bundled), sign_in });
  return read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("the section sign_in", () => {
  it("is accepted whole, and left out", () => {
    expect(mistakesOf(undefined)).toEqual([]);
    expect(
      mistakesOf({
        password: "refused",
        contact: "Ada",
        providers: { corp: { ...OIDC, domains: ["example.com"] } },
      }),
    ).toEqual([]);
  });

  it("is accepted with issuers of workloads", () => {
    const rules = [{ account: `key_${"a".repeat(24)}`, when: { repository: ["acme/reports"] } }];
    expect(mistakesOf({ workloads: { forge: { issuer: "https://token.forge.example", rules } } })).toEqual(
      [],
    );
  });

  it.each<[string, object, string]>([
    [
      "an account that is none",
      { rules: [{ account: "ada", when: { sub: ["a"] } }] },
      "must be the id of a service account",
    ],
    [
      "a rule without a claim",
      { rules: [{ account: `key_${"a".repeat(24)}`, when: {} }] },
      "must name a claim",
    ],
    ["plain http", { issuer: "http://forge.example" }, "must be a public https address"],
    [
      "an issuer on a private host",
      { issuer: "https://kubernetes.default.svc.cluster.local" },
      "must be a public https address",
    ],
    ["keys at an IP address", { keys: "https://10.0.0.1/keys" }, "must be a public https address"],
    ["the issuer of people", { issuer: OIDC.issuer }, "one issuer is one provider"],
  ])("refuses %s for workloads", (_case, changes, sentence) => {
    const rules = [{ account: `key_${"a".repeat(24)}`, when: { sub: ["a"] } }];
    const forge = { issuer: "https://token.forge.example", rules, ...changes };
    expect(mistakesOf({ providers: { corp: OIDC }, workloads: { forge } }).join("\n")).toContain(sentence);
  });

  it.each<[string, unknown, string]>([
    [
      "a role that is none",
      { providers: { corp: { ...OIDC, roles: [{ role: "king", when: { groups: ["a"] } }] } } },
      '"king" is no role of this policy',
    ],
    [
      "a rule that fits everyone",
      { providers: { corp: { ...OIDC, roles: [{ role: "admin", when: {} }] } } },
      "must name a claim",
    ],
    ["no rule", { providers: { corp: { ...OIDC, roles: [] } } }, "roles"],
    ["no way in", { password: "refused" }, "needs a provider to sign in with"],
    [
      "plain http",
      { providers: { corp: { ...OIDC, issuer: "http://login.example.com" } } },
      "must be an https address",
    ],
    [
      "an issuer with a query",
      { providers: { corp: { ...OIDC, issuer: "https://login.example.com?x=1" } } },
      "must be an https address",
    ],
    ["one issuer twice", { providers: { corp: OIDC, other: OIDC } }, "one issuer is one provider"],
    [
      "one domain twice",
      {
        providers: {
          corp: { ...OIDC, domains: ["a.example"] },
          hub: { kind: "github", title: "Hub", client_id: "x", roles: OIDC.roles, domains: ["a.example"] },
        },
      },
      '"a.example" belongs to "corp" already',
    ],
    [
      "a domain in capitals",
      { providers: { corp: { ...OIDC, domains: ["A.example"] } } },
      "must be a domain in lower case",
    ],
    ["markup in the contact", { contact: "<b>Ada</b>" }, "must be one line"],
    [
      "a role of provisioning that is none",
      { provisioning: { roles: [{ role: "king", when: { groups: ["a"] } }] } },
      '"king" is no role of this policy',
    ],
  ])("is refused with %s", (_what, section, sentence) => {
    expect(mistakesOf(section).join("\n")).toContain(sentence);
  });
});

describe("rules", () => {
  const roles = [
    { role: "admin", when: { groups: ["admins"], "custom.level": ["high", "top"] } },
    { role: "editor", when: { "https://example.com/team": ["docs"] } },
    { role: "viewer", when: { email_domain: ["example.com"] } },
  ];

  it("give the role of the first whose claims all fit", () => {
    const role = (claims: Record<string, unknown>, email: string | null = null) =>
      findRole({ roles }, claims, email);
    expect(role({ groups: ["x", "admins"], custom: { level: "top" } })).toBe("admin");
    expect(role({ groups: ["admins"], custom: { level: "low" } })).toBeNull();
    expect(role({ "https://example.com/team": "docs" })).toBe("editor");
    expect(role({}, "ada@Example.com")).toBe("viewer");
    expect(role({ email_domain: "example.com" })).toBeNull();
    expect(role({}, "ada@example.com.evil.example")).toBeNull();
    expect(role({}, "ada@example.com@evil.example")).toBeNull();
  });

  it("read texts, lists of texts and flags, and nothing of a prototype, whatever the claims are", () => {
    expect(readClaim({ admin: true }, "admin")).toEqual(["true"]);
    fc.assert(
      fc.property(
        fc.object(),
        fc.constantFrom("__proto__", "constructor", "toString", "a.__proto__.b", "constructor.name"),
        (claims, path) => {
          const own = Object.hasOwn(claims, path) || Object.hasOwn(claims, path.split(".")[0] ?? "");
          expect(own || readClaim(claims, path).length === 0).toBe(true);
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string({ minLength: 1 }),
        (claims, wanted) => {
          const rule = { roles: [{ role: "admin", when: { [wanted]: [wanted] } }] };
          const value = Object.hasOwn(claims, wanted) ? claims[wanted] : undefined;
          const has = value === wanted || (Array.isArray(value) && value.includes(wanted));
          // A path with dots may also lead inside.
          if (!wanted.includes(".") && wanted !== "email_domain") {
            expect(findRole(rule, claims, null) === "admin").toBe(
              has || (typeof value === "boolean" && String(value) === wanted),
            );
          }
        },
      ),
    );
  });

  it("trust a second factor only where they name its value", () => {
    expect(saysSecondFactor(undefined, { amr: ["mfa"] })).toBe(false);
    expect(saysSecondFactor({ amr: ["mfa"] }, { amr: ["pwd"] })).toBe(false);
    expect(saysSecondFactor({ amr: ["mfa"] }, { amr: ["pwd", "mfa"] })).toBe(true);
    expect(saysSecondFactor({ acr: ["urn:mfa"] }, { acr: "urn:mfa" })).toBe(true);
    expect(saysSecondFactor({ acr: ["urn:mfa"] }, { amr: ["urn:mfa"] })).toBe(false);
  });

  it("send an address to the provider of exactly its domain", () => {
    const rules = compileSignIn({
      providers: {
        corp: {
          ...OIDC,
          roles: [...OIDC.roles].map((rule) => ({ ...rule, when: { groups: ["staff"] } })),
          domains: ["example.com"],
        },
      },
    });
    expect(providerOfEmail(rules, "a@EXAMPLE.com")).toBe("corp");
    for (const other of ["a@sub.example.com", "a@example.com.evil", "example.com", "a@b@example.org", ""]) {
      expect(providerOfEmail(rules, other)).toBeNull();
    }
  });
});
