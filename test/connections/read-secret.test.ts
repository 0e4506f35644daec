import { expect, it } from "vitest";
import { takeSecret } from "../../scripts/connections/read-secret.ts";

async function* lines(text: string): AsyncIterable<string> {
  yield* text.split("\n");
}

const PEM = "-----BEGIN PRIVATE KEY-----\nTUlJ\nRXZR\n-----END PRIVATE KEY-----";

it.each([
  ["the first line", "s3cret\nlogin: ada", "s3cret"],
  ["a private key whole", `${PEM}\nnotes`, PEM],
  [
    "a key file whole",
    '{\n  "type": "service_account",\n  "key": "}{"\n}\n',
    '{\n  "type": "service_account",\n  "key": "}{"\n}',
  ],
  [
    "a key without its end as it is",
    "-----BEGIN PRIVATE KEY-----\nTUlJ",
    "-----BEGIN PRIVATE KEY-----\nTUlJ",
  ],
  ["nothing of nothing", "", ""],
])("The secret of a connection is %s", async (_what, given, secret) => {
  expect(await takeSecret(lines(given))).toBe(secret);
});
