import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import { foreignAddress, foreignName, originalAddress } from "../../shared/connections/foreign-names.ts";
import { cleanLine, cleanText, countHidden } from "../../shared/text/clean-text.ts";
import { openUpstream } from "../../shared/upstream/open-upstream.ts";
import { RefusedRequest } from "../../workers/connections/connector.ts";
import { answerOfClient, readQuestion } from "../../workers/connections/mcp/client-questions.ts";
import { REFUSED_ADDRESSES } from "./refused-addresses.ts";

const form = (properties: object, message = "Please answer.") => ({
  message,
  requestedSchema: { type: "object", properties },
});

const ask = (params: object) => readQuestion("Things", "elicitation/create", params as never);

describe("a question of another system to a person", () => {
  it.each([
    ["a password", form({ password: { type: "string" } })],
    ["a password in camel case", form({ userPassword: { type: "string" } })],
    ["a pass phrase by its title", form({ a: { type: "string", title: "Passphrase" } })],
    ["a password by its format", form({ a: { type: "string", format: "password" } })],
    ["an API key", form({ api_key: { type: "string" } })],
    ["an access token by its description", form({ a: { type: "string", description: "Your access token" } })],
    ["a card number", form({ card_number: { type: "string" } })],
    ["a security code of a card", form({ cvv: { type: "integer" } })],
    ["a PIN", form({ a: { type: "string", title: "Your PIN" } })],
    ["a one-time code", form({ otp: { type: "string" } })],
    ["a recovery phrase", form({ a: { type: "string", description: "Recovery phrase of your wallet" } })],
    ["a social security number", form({ ssn: { type: "string" } })],
    [
      "a password in the message alone",
      form({ answer: { type: "string" } }, "Please enter your password below."),
    ],
    ["a secret behind hidden characters", form({ answer: { type: "string", title: "Pass\u200Bword" } })],
    ["a password in German", form({ a: { type: "string", title: "Ihr Kennwort" } })],
    ["a password in French", form({ a: { type: "string", title: "Mot de passe" } })],
    ["a password in Russian", form({ a: { type: "string", title: "Ваш пароль" } })],
    ["a password in Chinese", form({ a: { type: "string", title: "请输入密码" } })],
    ["a password in Cyrillic letters", form({ a: { type: "string", title: "\u0420\u0430ssw\u043erd" } })],
    ["a password in wide letters", form({ a: { type: "string", title: "Ｐａｓｓｗｏｒｄ" } })],
    ["a password with digits for letters", form({ a: { type: "string", title: "P4ssw0rd" } })],
    ["a password in letters that are set apart", form({ a: { type: "string", title: "p a s s w o r d" } })],
    [
      "a password by the title of the form alone",
      {
        message: "One moment.",
        requestedSchema: { type: "object", title: "Your password", properties: { a: { type: "string" } } },
      },
    ],
    ["a form of a megabyte", form({ a: { type: "string", description: "x".repeat(1_000_000) } })],
    ["a question without a message", { requestedSchema: { type: "object", properties: {} } }],
    ["a mode that does not exist", { mode: "shell", message: "Run this." }],
  ])("is refused when it asks for %s", (_what, params) => {
    expect(() => ask(params)).toThrow(RefusedRequest);
  });

  it.each([...REFUSED_ADDRESSES, "not an address"])("never leads to %s", (url) => {
    expect(() => ask({ mode: "url", message: "Open this.", url })).toThrow(RefusedRequest);
  });

  it("says who asks and where a page is, without what people cannot see", () => {
    const asked = ask(form({ colour: { type: "string", enum: ["red"] } }, "Which\u202E colour?\u0007"));
    expect(asked.params.message).toBe("Things asks: Which colour?");
    const page = ask({ mode: "url", message: "Pay here.", url: "https://pay.example.com/x" });
    expect(page.params.message).toBe("Things asks: Pay here. The page is at pay.example.com.");
  });

  it("gets nothing back but what the protocol names", () => {
    const answer = { action: "decline", content: { colour: "red" }, _meta: { token: "x" } };
    expect(answerOfClient("elicitation/create", answer)).toEqual({ action: "decline" });
    expect(() => answerOfClient("elicitation/create", { action: "sudo" })).toThrow(RefusedRequest);
  });

  it("gets of a model the messages alone: no tools, no context of other servers, a bounded answer", () => {
    const messages = [{ role: "user", content: { type: "text", text: "Hi" } }];
    const more = {
      includeContext: "allServers",
      tools: [{ name: "x" }],
      metadata: { a: 1 },
      maxTokens: 10_000_000,
    };
    const { params } = readQuestion("Things", "sampling/createMessage", { messages, ...more } as never);
    expect(Object.keys(params).sort()).toEqual(["maxTokens", "messages", "systemPrompt"]);
    expect(params.maxTokens).toBe(8_000);
  });
});

describe("an entry of an MCP server", () => {
  const entry = (more: object) =>
    connectionEntry.safeParse({
      kind: "mcp",
      title: "T",
      description: "D",
      owner: "o",
      reach: { url: "https://mcp.example.com/mcp" },
      ...more,
    }).success;

  it.each([
    ["another scheme", { reach: { url: "file:///etc/passwd" } }],
    ["a user in the address", { reach: { url: "https://user:pass@mcp.example.com/" } }],
    ["a fragment", { reach: { url: "https://mcp.example.com/#x" } }],
    ["no address", { reach: { url: "mcp.example.com" } }],
    [
      "its own authorization header",
      { reach: { url: "https://mcp.example.com/", headers: { Authorization: "x" } } },
    ],
    ["a cookie", { reach: { url: "https://mcp.example.com/", headers: { cookie: "x" } } }],
    [
      "a header with a line break",
      { reach: { url: "https://mcp.example.com/", headers: { "x-a": "b\r\nc: d" } } },
    ],
    ["a misspelt field", { on_chnage: "off" }],
  ])("is refused with %s", (_what, more) => {
    expect(entry({})).toBe(true);
    expect(entry(more)).toBe(false);
  });

  it.each([
    "http://mcp.example.com/",
    "https://127.0.0.1/",
    "https://0x7f.1/",
    "https://localhost:8080/",
    "https://metadata.google.internal/",
    "https://[fd00::1]/",
    "https://mcp/",
  ])("is never asked at %s, unless the deployment names the host", async (url) => {
    const upstream = openUpstream({
      env: { PLAIN_HTTP_UPSTREAMS: "" } as Env,
      name: "things",
      traceId: "0".repeat(32),
      tokenId: "",
      signal: new AbortController().signal,
    });
    await expect(upstream(url)).rejects.toMatchObject({ code: "forbidden" });
  });
});

describe("names of another system", () => {
  it("become names that every host takes, by connection and name alone, and stay apart", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z][a-z0-9]{1,23}$/),
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 200 }), { minLength: 2, maxLength: 8 }),
        (connection, names) => {
          const offered = names.map((name) => foreignName(connection, name));
          for (const name of offered) {
            expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
            expect(name.startsWith(`${connection}_`)).toBe(true);
          }
          const apart = names.filter((name) => !name.startsWith(`${connection}_`));
          expect(new Set(apart.map((name) => foreignName(connection, name))).size).toBe(apart.length);
        },
      ),
    );
  });

  it("become URIs of the connection, from which the original comes back", () => {
    const uris = ["crm://contact/1", "file:///etc/passwd", "things://own/1", "data:text/plain,x", "urn:a:b"];
    for (const uri of uris) {
      const address = foreignAddress("things", uri);
      expect(address.startsWith("things:")).toBe(true);
      expect(originalAddress("things", address)).toBe(uri);
    }
  });

  it("lose what people cannot see, and keep every writing of people", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const clean = cleanText(text, 100);
        expect(countHidden(clean)).toBe(0);
        expect(clean.length).toBeLessThanOrEqual(100);
        expect(clean.isWellFormed()).toBe(true);
      }),
    );
    expect(cleanLine("Grüße\n\tαβγ 日本語 עברית", 100)).toBe("Grüße αβγ 日本語 עברית");
    expect(countHidden("👩‍👩‍👧 ❤️ می‌خواهم ok")).toBe(0);
    expect(countHidden("A\u200Bdds \u202Etwo\u202C")).toBe(3);
  });
});
