import { env, exports } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { findAddressFault } from "../../shared/upstream/outside-address.ts";
import { fetchOutside } from "../../shared/upstream/outside-fetch.ts";
import { authorize, createPerson, signIn, TestBrowser } from "../support/oauth.ts";

const PRIVATE = [
  "https://127.0.0.1:9911/client.json",
  "https://127.1/client.json",
  "https://2130706433/client.json",
  "https://0x7f000001/client.json",
  "https://0177.0.0.1/client.json",
  "https://0x7f.1/client.json",
  "https://１２７.0.0.1/client.json",
  "https://127.0.0.1./client.json",
  "https://[::1]/client.json",
  "https://[::ffff:127.0.0.1]/client.json",
  "https://[::ffff:7f00:1]/client.json",
  "https://[fd00::1]/client.json",
  "https://0.0.0.0/client.json",
  "https://10.0.0.1/client.json",
  "https://169.254.169.254/latest/meta-data",
  "https://93.184.216.34/client.json",
  "https://localhost/client.json",
  "https://LOCALHOST:8443/client.json",
  "https://localhost./client.json",
  "https://app.localhost/client.json",
  "https://ⓛocalhost/client.json",
  "https://intranet/client.json",
  "https://printer.local/client.json",
  "https://metadata.google.internal/client.json",
  "https://db.internal./client.json",
  "https://nas.home.arpa/client.json",
  "https://user@127.0.0.1/client.json",
];

/** One address of each form, for tests with one request per address. */
const FORMS = [
  "https://127.0.0.1:9911/client.json",
  "https://2130706433/client.json",
  "https://127.1/client.json",
  "https://[::ffff:127.0.0.1]/client.json",
  "https://localhost./client.json",
  "https://app.localhost/client.json",
  "https://metadata.google.internal/client.json",
];

/** Answers any fetch, so that only our own refusal can stop it. */
function watchFetch() {
  return vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json({}));
}

function postToken(fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
  return exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
    method: "POST",
    headers,
    body: new URLSearchParams({ grant_type: "authorization_code", code: "a:b:c", ...fields }),
  });
}

// The first request loads the Worker's modules; it must not happen while a test watches fetches.
beforeAll(async () => void (await new TestBrowser().get("/authorize")));

afterEach(() => void vi.restoreAllMocks());

describe("a client_id that is a private address", () => {
  it("is refused on the authorization page before anything is fetched, signed in or not", async () => {
    const fetched = watchFetch();
    const signedIn = await signIn(await createPerson("viewer"));
    for (const clientId of FORMS) {
      const { path } = await authorize(clientId, { changes: { client_id: clientId } });
      for (const browser of [new TestBrowser(), signedIn]) {
        const answer = await browser.get(path);
        expect(answer.status, clientId).toBe(400);
        expect(answer.headers.get("Location")).toBeNull();
      }
    }
    expect(fetched).not.toHaveBeenCalled();
  });

  it("is refused at the token endpoint before anything is fetched, in any parameter", async () => {
    const fetched = watchFetch();
    for (const clientId of FORMS) {
      const assertion = `e30.${btoa(JSON.stringify({ iss: encodeURI(clientId), sub: encodeURI(clientId) }))}.x`;
      const answers = [
        await postToken({ client_id: clientId }),
        await postToken({}, { authorization: `Basic ${btoa(`${encodeURIComponent(clientId)}:secret`)}` }),
        await postToken({
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: assertion,
        }),
      ];
      for (const answer of answers) {
        expect(answer.status, clientId).toBe(400);
        expect(await answer.json()).toMatchObject({ error: "invalid_client" });
      }
    }
    expect(fetched).not.toHaveBeenCalled();
  });
});

describe("the check of outside addresses", () => {
  it.each(PRIVATE)("refuses %s", (address) => {
    expect(findAddressFault(address)).not.toBeNull();
  });

  it.each([
    "https://client.example/oauth/metadata.json",
    "https://a.b.example.com:8443/client.json",
    "https://localhost.example.com/client.json",
    "https://internal.example.com/client.json",
    "https://bücher.example/client.json",
    "https://1password.com/client.json",
  ])("accepts %s", (address) => {
    expect(findAddressFault(address)).toBeNull();
  });

  it("refuses every IPv4 address in every spelling of the URL standard", () => {
    const part = (value: number) =>
      fc.constantFrom(String(value), `0x${value.toString(16)}`, `0${value.toString(8)}`);
    const spelling = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }).chain((bytes) => {
      const [a = 0, b = 0, c = 0, d = 0] = bytes;
      const whole = ((a * 256 + b) * 256 + c) * 256 + d;
      return fc.oneof(
        fc.tuple(part(a), part(b), part(c), part(d)).map((parts) => parts.join(".")),
        fc.tuple(part(a), part((b * 256 + c) * 256 + d)).map((parts) => parts.join(".")),
        part(whole),
      );
    });
    fc.assert(
      fc.property(spelling, fc.constantFrom("", "."), fc.constantFrom("", ":8443"), (host, dot, port) => {
        expect(findAddressFault(`https://${host}${dot}${port}/client.json`)).not.toBeNull();
      }),
    );
  });
});

describe("a library's request to an address that a stranger named", () => {
  const ask = vi.fn<typeof fetch>(async () => new Response(null, { status: 302 }));

  it("goes to public addresses over https only, and follows no redirect", async () => {
    for (const address of [...PRIVATE, "http://client.example/keys"]) {
      await expect(fetchOutside(address, {}, ask), address).rejects.toBeInstanceOf(TypeError);
    }
    expect(ask).not.toHaveBeenCalled();
    const answer = await fetchOutside("https://client.example/keys", { redirect: "follow" }, ask);
    expect(answer.status).toBe(302);
    expect(ask).toHaveBeenCalledWith("https://client.example/keys", { redirect: "manual" });
  });
});
