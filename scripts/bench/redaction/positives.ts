import { base, en, Faker } from "@faker-js/faker";
import {
  type MakeValue,
  makeAadhaar,
  makeBsn,
  makeCodiceFiscale,
  makeCpf,
  makeDni,
  makeIdNr,
  makeNie,
  makeNino,
  makeNir,
  makeSsn,
} from "./national-ids.ts";
import type { Half } from "./negatives.ts";

/** A sentence with one sensitive value. */
export interface Positive {
  kind: string;
  text: string;
  value: string;
}

/** Sentences per kind and half. */
const A_KIND = 40;

const ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const random = (faker: Faker, length: number, from = ALPHANUMERIC) =>
  faker.string.fromCharacters(from, length);

const MAKERS: Record<string, MakeValue> = {
  email: (faker) =>
    faker.helpers.arrayElement([
      () => faker.internet.email(),
      () => faker.internet.email().toLowerCase(),
      () => `${faker.internet.username()}+${faker.lorem.word()}@mail.${faker.internet.domainName()}`,
    ])(),
  phone: (faker) => {
    const digits = (pattern: string) =>
      pattern.replace(/#/g, () => String(faker.number.int({ min: 0, max: 9 })));
    const area = faker.number.int({ min: 201, max: 989 });
    return digits(
      faker.helpers.arrayElement([
        `+1 ${area} 55#-####`,
        `(${area}) 55#-####`,
        `${area}-55#-####`,
        "+44 20 7946 0###",
        "+49 30 9018####",
        "+33 6 12 ## ## ##",
        "06 ## ## ## ##",
        "+31 6 1234####",
        "+91 98765 #####",
        "020 7946 0###",
        "+34 612 ### ###",
        "0171 23#####",
        "+4915112345###",
      ]),
    );
  },
  card: (faker) => {
    const issuer = faker.helpers.arrayElement(["visa", "mastercard", "american_express", "discover"]);
    const digits = faker.finance.creditCardNumber({ issuer }).replace(/\D/g, "");
    const groups = digits.length === 15 ? /(\d{4})(\d{6})(\d{5})/ : /(\d{4})(\d{4})(\d{4})(\d{4})/;
    const separator = faker.helpers.arrayElement(["", " ", "-"]);
    return digits.replace(groups, (_all, ...parts) =>
      parts.slice(0, digits.length === 15 ? 3 : 4).join(separator),
    );
  },
  iban: (faker) => faker.finance.iban({ formatted: faker.datatype.boolean() }).trim(),
  us_ssn: makeSsn,
  uk_nino: makeNino,
  de_tax_id: makeIdNr,
  fr_nir: makeNir,
  es_dni: (faker) => faker.helpers.arrayElement([makeDni, makeNie])(faker),
  it_codice_fiscale: makeCodiceFiscale,
  nl_bsn: makeBsn,
  in_aadhaar: makeAadhaar,
  br_cpf: makeCpf,
  token: (faker) =>
    faker.helpers.arrayElement([
      () => `AKIA${random(faker, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")}`,
      () => `ghp_${random(faker, 36)}`,
      () => `github_pat_${random(faker, 22)}_${random(faker, 59)}`,
      () => `glpat-${random(faker, 20)}`,
      () => `xoxb-${faker.string.numeric(12)}-${faker.string.numeric(12)}-${random(faker, 24)}`,
      () => `sk_live_${random(faker, 24)}`,
      () => `sk-ant-api03-${random(faker, 80)}`,
      () => `sk-proj-${random(faker, 48)}`,
      () => `AIza${random(faker, 35)}`,
      () => `npm_${random(faker, 36)}`,
    ])(),
  jwt: (faker) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = part({ sub: faker.string.uuid(), iat: faker.number.int({ min: 1e9, max: 2e9 }) });
    return `${part({ alg: "HS256", typ: "JWT" })}.${claims}.${random(faker, 43)}`;
  },
  private_key: (faker) => {
    const label = faker.helpers.arrayElement(["", "RSA ", "EC ", "OPENSSH "]);
    const lines = Array.from({ length: 4 }, () => random(faker, 64));
    return [`-----BEGIN ${label}PRIVATE KEY-----`, ...lines, `-----END ${label}PRIVATE KEY-----`].join("\n");
  },
  credential: (faker) => random(faker, faker.number.int({ min: 16, max: 40 })),
};

/**
 * Texts that precede such a value; the halves share no sentence. Kinds without a strong check digit need a
 * word that names the number, as in real text.
 */
const SENTENCES: Record<Half, { plain: readonly string[]; named: Record<string, readonly string[]> }> = {
  tuning: {
    plain: [
      "Reach them at {} before Friday.",
      "New contact detail: {}",
      "He wrote from {} and asked for a quote.",
      "Customer gave {}, please update the file.",
      "({}) is what the form said",
      "- {}\n- second line",
    ],
    named: {
      de_tax_id: ["Steuer-ID: {}", "Die IdNr {} steht im Bescheid.", "tax id {} for payroll"],
      nl_bsn: ["BSN {}", "Het burgerservicenummer is {}.", "Her BSN: {}, checked."],
      credential: ['api_key = "{}"', "password: {}", "Authorization: Bearer {}", "CLIENT_SECRET={}"],
    },
  },
  "held-out": {
    plain: [
      "Could you forward the invoice to {}?",
      "Form field 7 reads {} in the scan.",
      "They confirmed {} on the call",
      "Use {} from now on; the old one is void.",
      '"{}" was quoted in the thread',
      "See {}; then close the ticket.",
    ],
    named: {
      de_tax_id: [
        "Ihre Steueridentifikationsnummer lautet {}.",
        "Steuernummer/IdNr. {}",
        "German tax ID {} on file",
      ],
      nl_bsn: ["bsn={}", "BSN-nummer {} is doorgegeven", "Client's BSN is {}."],
      credential: [
        "export SECRET_KEY={}",
        '"token": "{}"',
        "the db password is {}",
        "access_token={}&scope=all",
      ],
    },
  },
};

const SEEDS: Record<Half, number> = { tuning: 20_261_121, "held-out": 97_314 };

/** Generates the sentences of one half; the same ones every time. */
export function makePositives(half: Half): Positive[] {
  const faker = new Faker({ locale: [en, base], seed: SEEDS[half] });
  const { plain, named } = SENTENCES[half];
  return Object.entries(MAKERS).flatMap(([kind, make]) =>
    Array.from({ length: A_KIND }, () => {
      const value = make(faker);
      const sentence = faker.helpers.arrayElement(named[kind] ?? plain);
      return { kind, value, text: sentence.replace("{}", () => value) };
    }),
  );
}
