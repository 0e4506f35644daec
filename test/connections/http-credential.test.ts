import { describe, expect, it, vi } from "vitest";
import type { HttpAuth } from "../../shared/connections/kinds/http-auth.ts";
import { RefusedRequest } from "../../workers/connections/connector.ts";
import { type Credential, openCredential } from "../../workers/connections/http/credential.ts";
import { requireHeaderText } from "../../workers/connections/http/header-text.ts";

const ORIGIN = "https://api.pets.example";

function open(auth: HttpAuth, secret: string): Credential {
  return openCredential({ name: "pets", title: "Pets", auth, origin: ORIGIN }, secret, new Map());
}

/** The request that a credential sends. */
async function sent(credential: Credential): Promise<Request> {
  const ask = vi.fn<typeof fetch>(async () => new Response());
  await credential.send(ask, new URL(`${ORIGIN}/pets?limit=1`), { headers: new Headers() }, false);
  const [url, init] = ask.mock.calls[0] as [URL, RequestInit];
  return new Request(url, init);
}

/** What copies and editors leave around a text, and `trim` removes. */
const AROUND = ["\ufeff", "\n", "\r\n", "\u2028", "\u2029", "\u00a0", "\u3000"];

describe("A secret with white space around it goes without it", () => {
  it.each(AROUND.map((around) => [JSON.stringify(around).slice(1, -1), around]))(
    "%j",
    async (_name, around) => {
      const secret = `${around}s3cret-key${around}`;
      expect(requireHeaderText(secret, "Pets")).toBe("s3cret-key");
      const bearer = open({ type: "bearer" }, secret);
      expect((await sent(bearer)).headers.get("authorization")).toBe("Bearer s3cret-key");
      expect(bearer.secrets()).toEqual(["s3cret-key"]);
      const header = open({ type: "header", name: "X-Key", prefix: "Token " }, secret);
      expect((await sent(header)).headers.get("x-key")).toBe("Token s3cret-key");
      expect(header.secrets()).toEqual(["s3cret-key"]);
      const headers = open({ type: "headers", names: ["X-One", "X-Two"] }, `${secret} second-key${around}`);
      const { headers: two } = await sent(headers);
      expect([two.get("x-one"), two.get("x-two")]).toEqual(["s3cret-key", "second-key"]);
    },
  );

  it("and one with such characters inside goes nowhere", () => {
    expect(() => requireHeaderText("s3cret\u2028key", "Pets")).toThrow(RefusedRequest);
    expect(() => open({ type: "bearer" }, "s3cret\nkey")).toThrow(RefusedRequest);
  });
});

it("A secret of the query is concealed in the form in which it is sent", async () => {
  const credential = open({ type: "query", name: "api_key" }, "s3cret (of) the 'shop'!~");
  const { url } = await sent(credential);
  const form = url.split("api_key=")[1] ?? "";
  expect(form).toBe("s3cret+%28of%29+the+%27shop%27%21%7E");
  expect(credential.secrets()).toContain(form);
});
