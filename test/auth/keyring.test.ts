import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KEY_NAMES, type Keyring, openKeyring, parseKeys, readKeyring } from "../../shared/auth/keyring.ts";
import { signText, verifyText } from "../../shared/auth/sign-text.ts";

const OLD = "old-key-old-key-old-key-old-key-old-key+/=";
const NEW = "new-key-new-key-new-key-new-key-new-key+/=";
const secretText = fc.string({ unit: fc.constantFrom(..."azAZ09+/=_-."), minLength: 32, maxLength: 60 });

describe("the text of a secret", () => {
  it("is one key, which is version 1, or keys with versions, of which the first signs", () => {
    expect(parseKeys(OLD)).toEqual([{ version: 1, secret: OLD }]);
    expect(parseKeys(`2:${NEW}, 1:${OLD}`)).toEqual([
      { version: 2, secret: NEW },
      { version: 1, secret: OLD },
    ]);
  });

  it("reads back every list of keys with different versions", () => {
    const keys = fc.uniqueArray(
      fc.record({ version: fc.integer({ min: 1, max: 999_999 }), secret: secretText }),
      {
        selector: ({ version }) => version,
        minLength: 1,
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(keys, (list) => {
        const text = list.map(({ version, secret }) => `${version}:${secret}`).join(",");
        expect(parseKeys(text)).toEqual(list);
      }),
    );
  });

  it.each([
    ["", "malformed"],
    [`${NEW},${OLD}`, "malformed"],
    [`2:${NEW},`, "malformed"],
    [`0:${NEW}`, "malformed"],
    [`x:${NEW}`, "malformed"],
    [`2:${NEW} with a space`, "malformed"],
    ["2:short", "shorter than 32"],
    [`2:${NEW},2:${OLD}`, "names version 2 twice"],
    [7, "is not a text"],
  ])("is refused when it is malformed, without quoting the key (%#)", (text, reason) => {
    const problem = parseKeys(text);
    expect(problem).toContain(reason);
    for (const key of [OLD, NEW, "short"].filter((part) => part !== reason)) {
      expect(String(problem).replace("shorter than", "")).not.toContain(key);
    }
  });
});

describe("the keys of a purpose", () => {
  it("come from its secret and from those with a number, the highest number first", () => {
    const variables = { SESSION_SEAL_KEY: OLD, SESSION_SEAL_KEY_10: `${NEW}10`, SESSION_SEAL_KEY_2: NEW };
    expect(readKeyring(variables, "SESSION_SEAL_KEY")).toMatchObject([
      { version: 10 },
      { version: 2, secret: NEW },
      { version: 1, secret: OLD },
    ]);
  });

  it("exist as long as one secret is set, whichever", () => {
    expect(readKeyring({ SESSION_SEAL_KEY_3: NEW }, "SESSION_SEAL_KEY")).toEqual([
      { version: 3, secret: NEW },
    ]);
    for (const others of [
      {},
      { SESSION_SEAL_KEY: "" },
      { SESSION_SEAL_KEY_1: NEW },
      { SESSION_SEAL_KEY_X: NEW },
    ]) {
      const problem = { secretName: "SESSION_SEAL_KEY", text: "is missing" };
      expect(readKeyring(others, "SESSION_SEAL_KEY")).toEqual(problem);
    }
  });

  it("never share a version, and a malformed secret is named", () => {
    const variables = { SESSION_SEAL_KEY: `2:${OLD}`, SESSION_SEAL_KEY_2: NEW };
    expect(readKeyring(variables, "SESSION_SEAL_KEY")).toMatchObject({ secretName: "SESSION_SEAL_KEY" });
    expect(() => openKeyring(variables, "SESSION_SEAL_KEY")).toThrow(
      /^Secret SESSION_SEAL_KEY holds version 2, which another secret holds too\.$/,
    );
    expect(() => openKeyring({ SESSION_SEAL_KEY_2: "tiny" }, "SESSION_SEAL_KEY")).toThrow(
      /^Secret SESSION_SEAL_KEY_2 /,
    );
  });

  it("are different for every purpose of the local environment", () => {
    const secrets = KEY_NAMES.flatMap((name) => openKeyring(env, name).map(({ secret }) => secret));
    expect(new Set(secrets).size).toBe(KEY_NAMES.length);
  });
});

describe("a signature", () => {
  const [oldKey, newKey] = [
    { version: 1, secret: OLD },
    { version: 2, secret: NEW },
  ];
  const [before, overlap, after]: Keyring[] = [[oldKey], [newKey, oldKey], [newKey]];

  it("names the key that made it, and is accepted while that key is configured", async () => {
    const [first, second] = [
      await signText(before as Keyring, "session", "text"),
      await signText(overlap as Keyring, "session", "text"),
    ];
    expect([first, second].map((signature) => signature.split(".")[0])).toEqual(["1", "2"]);
    const accepted = (keyring: Keyring | undefined) =>
      Promise.all(
        [first, second].map((signature) => verifyText(keyring as Keyring, "session", "text", signature)),
      );
    expect(await accepted(before)).toEqual([true, false]);
    expect(await accepted(overlap)).toEqual([true, true]);
    expect(await accepted(after)).toEqual([false, true]);
  });

  it("holds for its own text, purpose and spelling only", async () => {
    const keyring = overlap as Keyring;
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (text, other) => {
        const signature = await signText(keyring, "approval link", text);
        expect(await verifyText(keyring, "approval link", text, signature)).toBe(true);
        expect(await verifyText(keyring, "session", text, signature)).toBe(false);
        if (other !== text) expect(await verifyText(keyring, "approval link", other, signature)).toBe(false);
        for (const changed of [
          signature.replace(/^2/, "1"),
          `${signature}A`,
          `0${signature}`,
          signature.slice(2),
          other,
        ]) {
          expect(await verifyText(keyring, "approval link", text, changed)).toBe(false);
        }
      }),
      { numRuns: 30 },
    );
  });
});
