import { env } from "cloudflare:workers";
import { Buffer } from "node:buffer";
import { beforeAll, describe, expect, it } from "vitest";
import { createPerson, PASSWORD, signIn, TestBrowser, type TestPerson } from "../support/oauth.ts";
import { setSecondFactor } from "../support/policy.ts";

const encoder = new TextEncoder();
const base64url = (bytes: ArrayBuffer | Uint8Array) => Buffer.from(bytes as Uint8Array).toString("base64url");

/** A passkey in software: what a device would hold. */
interface SoftKey {
  id: string;
  owner: TestPerson;
  keys: CryptoKeyPair;
}

/** A COSE key of ES256 (RFC 9053 §2.1) in CBOR. */
async function toCose({ publicKey }: CryptoKeyPair): Promise<string> {
  const { x = "", y = "" } = (await crypto.subtle.exportKey("jwk", publicKey)) as JsonWebKey;
  const [left, right] = [x, y].map((part) => Buffer.from(part, "base64url"));
  return base64url(
    Buffer.concat([
      Buffer.from("a5010203262001215820", "hex"),
      left ?? "",
      Buffer.from("225820", "hex"),
      right ?? "",
    ] as Uint8Array[]),
  );
}

async function makeKey(owner: TestPerson): Promise<SoftKey> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const id = base64url(crypto.getRandomValues(new Uint8Array(16)));
  await env.PLATFORM_DB.prepare(
    "INSERT INTO passkey (id, user_id, name, public_key, counter, transports, created_at) VALUES (?, ?, 'Key', ?, 5, '[]', ?)",
  )
    .bind(id, owner.id, await toCose(keys), Date.now())
    .run();
  return { id, owner, keys };
}

/** What an answer may differ in. */
interface Change {
  origin?: string;
  rpId?: string;
  type?: string;
  /** UP 1, UV 4. */
  flags?: number;
  counter?: number;
  signWith?: CryptoKeyPair;
  userHandle?: string;
  challenge?: string;
}

/** The answer of a device to a challenge, as a browser's script sends it. */
async function answer(key: SoftKey, challenge: string, change: Change = {}): Promise<string> {
  const { origin = env.PUBLIC_URL, rpId = new URL(env.PUBLIC_URL).hostname, type = "webauthn.get" } = change;
  const client = encoder.encode(
    JSON.stringify({ type, challenge: change.challenge ?? challenge, origin, crossOrigin: false }),
  );
  const data = Buffer.alloc(37);
  Buffer.from(await crypto.subtle.digest("SHA-256", encoder.encode(rpId))).copy(data as Uint8Array);
  data[32] = change.flags ?? 5;
  data.writeUInt32BE(change.counter ?? 6, 33);
  const signed = Buffer.concat([
    data,
    Buffer.from(await crypto.subtle.digest("SHA-256", client)),
  ] as Uint8Array[]);
  const raw = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    (change.signWith ?? key.keys).privateKey,
    signed as Uint8Array<ArrayBuffer>,
  );
  return JSON.stringify({
    id: key.id,
    rawId: key.id,
    type: "public-key",
    clientExtensionResults: {},
    response: {
      clientDataJSON: base64url(client),
      authenticatorData: base64url(data),
      signature: base64url(toDer(new Uint8Array(raw))),
      userHandle: change.userHandle ?? base64url(encoder.encode(key.owner.id)),
    },
  });
}

/** A signature of ECDSA as WebAuthn has it: ASN.1 DER in place of two numbers side by side. */
function toDer(raw: Uint8Array): Uint8Array {
  const number = (bytes: Uint8Array) => {
    const start = bytes.findIndex((byte) => byte !== 0);
    const short = bytes.slice(start);
    const value = (short[0] ?? 0) > 127 ? [0, ...short] : [...short];
    return [2, value.length, ...value];
  };
  const both = [...number(raw.slice(0, 32)), ...number(raw.slice(32))];
  return new Uint8Array([48, both.length, ...both]);
}

/** Opens the page. Returns its challenge. */
async function open(browser: TestBrowser): Promise<string> {
  const page = await (await browser.get("/sign-in/passkey")).text();
  return /&quot;challenge&quot;:&quot;([\w-]+)&quot;/.exec(page)?.[1] ?? "";
}

async function use(key: SoftKey, change: Change = {}, browser = new TestBrowser()): Promise<TestBrowser> {
  const challenge = await open(browser);
  await browser.post("/sign-in/passkey", { answer: await answer(key, challenge, change), next: "/account" });
  return browser;
}

const isIn = async (browser: TestBrowser) => (await browser.get("/account")).status === 200;

let victor: SoftKey;
let mallory: SoftKey;

beforeAll(async () => {
  victor = await makeKey(await createPerson("sales", "Victor"));
  mallory = await makeKey(await createPerson("sales", "Mallory"));
});

describe("a passkey", () => {
  it("signs its person in, with a second factor, and remembers its use", async () => {
    const browser = await use(victor);
    expect(await (await browser.get("/account")).text()).toContain("Victor");
    const row = await env.PLATFORM_DB.prepare("SELECT counter, last_used_at FROM passkey WHERE id = ?")
      .bind(victor.id)
      .first<{ counter: number; last_used_at: number }>();
    expect(row).toMatchObject({ counter: 6, last_used_at: expect.any(Number) });
    expect((await browser.get("/account/keys/new")).status).toBe(200);
  });

  it.each<[string, () => Change]>([
    ["made for another site", () => ({ origin: "https://gatehouse.evil.example" })],
    ["made for another name", () => ({ rpId: "evil.example" })],
    ["of a person whom the device did not verify", () => ({ flags: 1 })],
    ["that no person touched", () => ({ flags: 4 })],
    ["of a registration", () => ({ type: "webauthn.create" })],
    ["to a challenge of the attacker's own", () => ({ challenge: "QUFBQUFBQUFBQUFBQUFBQQ" })],
    ["signed with another key", () => ({ signWith: mallory.keys })],
    ["of another person", () => ({ userHandle: base64url(encoder.encode(mallory.owner.id)) })],
    ["whose counter went back: it was copied", () => ({ counter: 3 })],
  ])("opens nothing with an answer %s", async (_what, change) => {
    expect(await isIn(await use(victor, { counter: 1_000, ...change() }))).toBe(false);
  });

  it("opens nothing with an answer that was used, or one of another browser", async () => {
    const browser = new TestBrowser();
    const challenge = await open(browser);
    const cookies = new Map(browser.cookies);
    const given = await answer(victor, challenge, { counter: 2_000 });
    const elsewhere = new TestBrowser();
    await open(elsewhere);
    await elsewhere.post("/sign-in/passkey", { answer: given });
    expect(await isIn(elsewhere)).toBe(false);
    await browser.post("/sign-in/passkey", { answer: given });
    expect(await isIn(browser)).toBe(true);
    const again = new TestBrowser();
    for (const [name, value] of cookies) again.cookies.set(name, value);
    await again.post("/sign-in/passkey", { answer: given });
    expect(await isIn(again)).toBe(false);
  });

  it("opens nothing for a disabled person, or for one whose passkey is unknown, in the same words", async () => {
    const gone = await makeKey(await createPerson("sales"));
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`)
      .bind(gone.owner.id)
      .run();
    const browser = new TestBrowser();
    const texts = await Promise.all(
      [gone, { ...victor, id: "unknown" }].map(async (key) => {
        const own = new TestBrowser();
        const response = await own.post("/sign-in/passkey", {
          answer: await answer(key, await open(own), { counter: 9_000 }),
        });
        return `${response.status} ${/role="alert"[^>]*>([^<]+)/.exec(await response.text())?.[1]?.trim()}`;
      }),
    );
    expect(new Set(texts)).toEqual(new Set(["401 This passkey did not sign you in."]));
    expect((await browser.post("/sign-in/passkey", { answer: "{" })).status).toBe(401);
  });

  it("is asked for before a password adds anything to an account, and is not removed by another person", async () => {
    const stolen = await signIn(victor.owner);
    for (const path of ["/account/passkeys", "/account/keys/new"]) {
      expect((await stolen.get(path)).headers.get("Location")).toMatch(/^\/sign-in\/code/);
    }
    const started = await stolen.post("/account/second-factor/start", { password: PASSWORD });
    expect(started.headers.get("Location")).toMatch(/^\/sign-in\/passkey/);
    const hers = await use(mallory, { counter: 50 });
    await hers.post("/account/passkeys/remove", { subject: mallory.owner.id, passkey: victor.id });
    await hers.post("/account/passkeys/remove", { subject: victor.owner.id, passkey: victor.id });
    expect(await isIn(await use(victor, { counter: 3_000 }))).toBe(true);
    expect(
      (await hers.post("/account/passkeys/remove", { subject: mallory.owner.id, passkey: mallory.id }))
        .status,
    ).toBe(303);
    expect(await isIn(await use(mallory, { counter: 60 }))).toBe(false);
  });
});

describe("the passkeys of a person", () => {
  const LIST = "/account/passkeys";
  const countOf = async ({ id }: TestPerson) =>
    (
      await env.PLATFORM_DB.prepare("SELECT count(*) AS total FROM passkey WHERE user_id = ?")
        .bind(id)
        .first<{ total: number }>()
    )?.total;

  it("are added with the password by a person without a factor, however fresh the sign-in is", async () => {
    const person = await createPerson("sales");
    const browser = await signIn(person);
    expect(await (await browser.get(LIST)).text()).toContain('name="password"');
    const send = async (password: string) => {
      await browser.get(LIST);
      const form = { subject: person.id, name: "Phone", answer: "{}", password };
      return await (await browser.post(LIST, form)).text();
    };
    for (const password of ["", "a wrong password"]) {
      expect(await send(password)).toContain("The password is wrong.");
    }
    // The password was right: the answer of the device is what is refused now.
    expect(await send(PASSWORD)).toContain("the passkey did not fit");
  });

  it("stay one at least where the role requires a second factor and there is no other", async () => {
    const person = await createPerson("viewer");
    const [first, second] = [await makeKey(person), await makeKey(person)];
    const browser = await use(first);
    const remove = (key: SoftKey) => browser.post(`${LIST}/remove`, { subject: person.id, passkey: key.id });
    setSecondFactor("viewer", { required: true });
    try {
      expect((await remove(second)).status).toBe(303);
      const refused = await remove(first);
      expect(refused.status).toBe(422);
      expect(await refused.text()).toContain("Your role asks for a second factor");
      expect(await countOf(person)).toBe(1);
    } finally {
      setSecondFactor("viewer", {});
    }
    expect((await remove(first)).status).toBe(303);
    expect(await countOf(person)).toBe(0);
  });
});
