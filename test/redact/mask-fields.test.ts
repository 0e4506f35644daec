import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { MaskRules } from "../../shared/call/mask-rules.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { masksOf } from "../../shared/policy/masks.ts";
import { maskFields } from "../../shared/redact/mask-fields.ts";
import { MASK, maskValue } from "../../shared/redact/mask-value.ts";

const pii = { classification: "pii" };
const secret = { classification: "secret" };

const person = z.object({
  id: z.string(),
  email: z.string().nullable().meta(pii),
  phone: z.string().meta(pii).nullable(),
  name: z.string().meta(pii),
  age: z.number().nullable().meta(pii),
  password: z.string().meta(secret),
  pin: z.number().meta(secret).optional(),
  note: z.string(),
  label: z.string().meta({ classification: "public" }),
});

const schema = z.object({
  people: z.array(person),
  lead: person.pick({ name: true, email: true }).nullable(),
  aliases: z.record(z.string(), z.string()).meta(pii),
  either: z.union([z.object({ name: z.string().meta(pii) }), z.object({ code: z.number() })]),
  pair: z.tuple([z.string().meta(pii), z.number()]),
});

// Words that masks do not contain, long enough to be unique in an answer.
const word = fc.stringMatching(/^[A-Za-z]{6,12}$/).map((text) => `Qx${text}`);
/** Another prefix than a word's: a mask shows the domain, which then cannot equal a secret by chance. */
const domain = fc.stringMatching(/^[a-z]{6,12}$/).map((text) => `zy${text}.example`);
const email = fc.tuple(word, domain).map(([local, host]) => `${local}@${host}`);
const phone = fc.stringMatching(/^\+49 30 [1-9]{7}$/);
const name = fc.tuple(word, word).map((words) => words.join(" "));
const anyone = fc.record({
  id: fc.uuid(),
  email: fc.option(email),
  phone: fc.option(phone),
  name,
  age: fc.option(fc.integer({ min: 1, max: 120 })),
  password: word,
  note: fc.constantFrom("called twice", "prefers mornings", "2026-11-21: version 1.2.3"),
  label: email,
});
const answers = fc.record({
  people: fc.array(anyone, { maxLength: 5 }),
  lead: fc.option(fc.record({ name, email: fc.option(email) })),
  aliases: fc.dictionary(fc.constantFrom("old", "new"), name),
  either: fc.oneof(fc.record({ name }), fc.record({ code: fc.integer() })),
  pair: fc.tuple(name, fc.integer()),
});

/** Every classified text of an answer that a viewer may not read. */
function listHidden(answer: z.output<typeof schema>): string[] {
  const people = answer.people.flatMap((one) => [one.email, one.phone, one.name, one.password]);
  const either = "name" in answer.either ? [answer.either.name] : [];
  const rest = [
    answer.lead?.name,
    answer.lead?.email,
    answer.pair[0],
    ...Object.values(answer.aliases),
    ...either,
  ];
  return [...people, ...rest].filter((value) => typeof value === "string");
}

const viewer = masksOf(bundledPolicy(), "viewer");
const mask = (answer: unknown, rules: MaskRules = viewer) =>
  maskFields(schema, answer as JsonValue, rules) as z.output<typeof schema>;

describe("masking by classification", () => {
  it("never lets a whole classified value through", () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const people = answer.people.map((one) => ({ ...one, label: "public" }));
        const text = JSON.stringify(mask({ ...answer, people }));
        for (const value of listHidden(answer as z.output<typeof schema>)) expect(text).not.toContain(value);
      }),
    );
  });

  it("gives a value that fits the schema again", () => {
    fc.assert(
      fc.property(answers, (answer) => {
        expect(schema.safeParse(mask(answer)).success).toBe(true);
      }),
    );
  });

  it("changes nothing when it is repeated", () => {
    fc.assert(
      fc.property(answers, (answer) => {
        expect(mask(mask(answer))).toEqual(mask(answer));
      }),
    );
  });

  it("keeps fields without a classification, and public ones", () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const kept = ({ id, note, label }: { id: string; note: string; label: string }) => ({
          id,
          note,
          label,
        });
        expect(mask(answer).people.map(kept)).toEqual(answer.people.map(kept));
      }),
    );
  });

  it("shows personal fields to a role that may see them, and secrets to no role", () => {
    fc.assert(
      fc.property(answers, fc.constantFrom("sales", "admin"), (answer, role) => {
        const seen = mask(answer, masksOf(bundledPolicy(), role)).people;
        for (const [index, one] of answer.people.entries()) {
          expect(seen[index]).toEqual({ ...one, password: MASK });
        }
      }),
    );
  });

  it("omits an optional secret, and sets a nullable number to null", () => {
    const one = {
      id: "1",
      email: null,
      phone: null,
      name: "Jane Doe",
      age: 44,
      password: "hunter2",
      pin: 1234,
      note: "",
      label: "",
    };
    expect(maskFields(person, one, viewer)).toEqual({
      id: "1",
      email: null,
      phone: null,
      name: "J••• D•••",
      age: null,
      password: MASK,
      note: "",
      label: "",
    });
  });

  it("shows nothing when a classified field can be neither masked nor omitted", () => {
    expect(() => maskFields(z.object({ age: z.number().meta(pii) }), { age: 44 }, viewer)).toThrow(TypeError);
  });

  it("reads a classification on any wrapper, and the stricter one counts", () => {
    const inside = z.object({ a: z.string().meta(pii).optional().meta({ classification: "public" }) });
    const around = z.object({ a: z.object({ b: z.string() }) }).meta(pii);
    expect(maskFields(inside, { a: "Jane Doe" }, viewer)).toEqual({ a: "J••• D•••" });
    expect(maskFields(around, { a: { b: "Jane Doe" } }, viewer)).toEqual({ a: { b: "J••• D•••" } });
  });

  it("treats an unknown role like a viewer", () => {
    expect(masksOf(bundledPolicy(), "__proto__")).toEqual(viewer);
    expect(masksOf(bundledPolicy(), "intern")).toEqual(viewer);
  });
});

describe("a masked value", () => {
  it.each([
    ["jane.doe@acme.example", "j•••@acme.example"],
    ["+49 30 901820", "•••20"],
    ["(212) 555-0167", "•••67"],
    ["Jane Doe", "J••• D•••"],
    ["Ĺukasz", "Ĺ•••"],
    ["X", "•••"],
    ["112", "•••"],
    ["1 Main Street, 12345 Springfield, Illinois", "•••"],
    ["", ""],
  ])("keeps its shape: %s becomes %s", (value, masked) => {
    expect(maskValue(value)).toBe(masked);
    expect(maskValue(masked)).toBe(masked);
  });

  it("is never the value, for any value", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (value) => {
        fc.pre(value.trim() !== "" && !value.includes("•"));
        expect(maskValue(value)).not.toContain(value.trim());
        expect(maskValue(maskValue(value))).toBe(maskValue(value));
      }),
      { numRuns: 500 },
    );
  });
});
