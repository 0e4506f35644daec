import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { KEY_NAMES } from "../../shared/auth/keyring.ts";
import { checkConfiguration } from "../../workers/gateway/configuration.ts";
import { registry } from "../../workers/servers.ts";

const bindings = registry.flatMap(({ sessions }) => sessions?.binding ?? []);
const databases = registry.flatMap(({ server }) => server.databases ?? []);
const local: Record<string, unknown> = { ...env };
const production = {
  ...local,
  ENVIRONMENT: "production",
  PUBLIC_URL: "https://gatehouse.example.com",
  BETTER_AUTH_SECRET: "0123456789abcdef0123456789abcdef",
  SESSION_SEAL_KEY: "fedcba9876543210fedcba9876543210",
  REQUEST_STATE_KEY: "76543210fedcba9876543210fedcba98",
  APPROVAL_LINK_KEY: "ba9876543210fedcba9876543210fedc",
  AUDIT_SIGNING_KEY: "89abcdef0123456789abcdef01234567",
  CONNECTION_SECRETS_KEY: "456789abcdef0123456789abcdef0123",
  ISSUER_SIGNING_KEY: "6789abcdef0123456789abcdef012345",
};

const check = (changes: Record<string, unknown>, base: Record<string, unknown> = production) =>
  checkConfiguration({ ...base, ...changes }, bindings, databases);

describe("the configuration check", () => {
  it("accepts the local environment and a complete production", () => {
    expect(check({}, local)).toEqual([]);
    expect(check({})).toEqual([]);
  });

  it.each([...KEY_NAMES])("names a missing %s and the command that sets it", (name) => {
    const [problem] = check({ [name]: undefined });
    expect(problem?.name).toBe(name);
    expect(problem?.message).toContain(`npx wrangler secret put ${name}`);
    expect(check({ [name]: undefined, ENVIRONMENT: "staging" })[0]?.message).toContain("--env staging");
  });

  it.each([
    "PLATFORM_DB",
    "ANALYTICS_DB",
    "CRM_DB",
    "KNOWLEDGE_DB",
    "OAUTH_KV",
    "CALL_QUEUE",
    "MEDIA",
    "PRINCIPAL",
    "GRANT_STORE",
    "GATEWAY_AGENT",
    "CONNECTION_POOL",
    "PERSON_ACCOUNT",
    "EVENT_DELIVERIES",
    "ATTEMPTS",
    ...bindings,
  ])("names a missing binding %s and where it is declared", (name) => {
    const problems = check({ [name]: undefined });
    expect(problems.map((problem) => problem.name)).toEqual([name]);
    expect(problems[0]?.message).toMatch(/wrangler\.toml and run: npm run deploy$/);
  });

  it.each([
    ["missing", undefined],
    ["with a path", "https://gatehouse.example.com/mcp"],
    ["with a trailing slash", "https://gatehouse.example.com/"],
    ["with capitals", "https://Gatehouse.example.com"],
    ["with user information", "https://a@gatehouse.example.com"],
    ["plain http on another host", "http://gatehouse.example.com"],
    ["of another scheme", "ftp://gatehouse.example.com"],
    ["no address at all", "gatehouse"],
  ])("refuses a PUBLIC_URL that is %s", (_case, value) => {
    expect(check({ PUBLIC_URL: value }).map((problem) => problem.name)).toEqual(["PUBLIC_URL"]);
  });

  it.each(["http://localhost:8787", "http://127.0.0.1:9000", "http://[::1]:8787"])(
    "accepts plain http at the loopback address %s",
    (value) => {
      expect(check({ PUBLIC_URL: value })).toEqual([]);
    },
  );

  it("never lets the local environment, which has public secrets, run at a real address", () => {
    const [problem] = check({ PUBLIC_URL: "https://gatehouse.example.com" }, local);
    expect(problem?.name).toBe("ENVIRONMENT");
    expect(problem?.message).toContain("loopback");
  });

  it("never lets the demonstration secrets, nor short ones, run in another environment", () => {
    expect(check({ BETTER_AUTH_SECRET: local.BETTER_AUTH_SECRET })[0]?.message).toContain(
      "demonstration value",
    );
    expect(check({ SESSION_SEAL_KEY: "short" })[0]?.message).toContain("shorter than 32");
  });

  it("accepts keys with versions and after a rotation, and refuses one key for two purposes", () => {
    const { SESSION_SEAL_KEY: key } = production;
    expect(check({ SESSION_SEAL_KEY: `2:${key.toUpperCase()},1:${key}` })).toEqual([]);
    expect(check({ SESSION_SEAL_KEY: undefined, SESSION_SEAL_KEY_2: key })).toEqual([]);
    expect(check({ REQUEST_STATE_KEY: key })).toMatchObject([{ name: "REQUEST_STATE_KEY" }]);
    const [problem] = check({ SESSION_SEAL_KEY_2: "2:short" });
    expect(problem?.message).toContain("npx wrangler secret put SESSION_SEAL_KEY_2");
  });

  it("quotes no secret in its messages", () => {
    const problems = check({ BETTER_AUTH_SECRET: "tiny-secret", SESSION_SEAL_KEY: local.SESSION_SEAL_KEY });
    expect(JSON.stringify(problems)).not.toContain("tiny-secret");
    expect(JSON.stringify(problems)).not.toContain(local.SESSION_SEAL_KEY);
  });
});
