import type { Faker } from "@faker-js/faker";

/**
 * Generators of national ids with valid check digits. Each finds its check character by trying all and
 * applying the published validity test, so that it shares nothing with the detector, which computes it
 * differently.
 */
export type MakeValue = (faker: Faker) => string;

const digitsOf = (text: string) => Array.from(text, Number);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function complete(stem: string, alphabet: string, isValid: (text: string) => boolean): string | undefined {
  for (const last of alphabet) if (isValid(stem + last)) return stem + last;
  return undefined;
}

function retry(make: () => string | undefined): string {
  for (;;) {
    const value = make();
    if (value !== undefined) return value;
  }
}

/** US Social Security number: no check digit, but areas, groups and serials that are never issued. */
export const makeSsn: MakeValue = (faker) => {
  const area = faker.number.int({ min: 1, max: 899 });
  const group = faker.number.int({ min: 1, max: 99 });
  const serial = faker.number.int({ min: 1, max: 9999 });
  const parts = [area === 666 ? 665 : area, group, serial];
  return parts.map((part, index) => String(part).padStart([3, 2, 4][index] ?? 0, "0")).join("-");
};

/** UK National Insurance number, with or without its spaces. */
export const makeNino: MakeValue = (faker) => {
  const prefix = faker.helpers.arrayElement(["AB", "CE", "JG", "PA", "SW", "WM", "YL", "HR", "LB", "ER"]);
  const pairs = Array.from({ length: 3 }, () => faker.string.numeric(2));
  return [prefix, ...pairs, faker.helpers.arrayElement(["A", "B", "C", "D"])].join(
    faker.helpers.arrayElement(["", " "]),
  );
};

/**
 * German tax identification number (ISO 7064 MOD 11,10): of the first ten digits exactly one occurs twice.
 */
export const makeIdNr: MakeValue = (faker) =>
  retry(() => {
    const distinct = faker.helpers.shuffle([..."0123456789"]).slice(0, 9);
    const stem = faker.helpers.shuffle([...distinct, distinct[0]]).join("");
    if (stem.startsWith("0") || /(\d)\1/.test(stem)) return undefined;
    return complete(stem, "0123456789", (text) => {
      let check = 5;
      for (const digit of digitsOf(text)) check = ((((check || 10) * 2) % 11) + digit) % 10;
      return check === 1;
    });
  });

/** French NIR: thirteen digits and a key of two digits, 97 − n mod 97. */
export const makeNir: MakeValue = (faker) => {
  const two = (max: number) => String(faker.number.int({ min: 1, max })).padStart(2, "0");
  const parts = [
    faker.helpers.arrayElement(["1", "2"]),
    faker.string.numeric(2),
    two(12),
    two(95),
    String(faker.number.int({ min: 1, max: 990 })).padStart(3, "0"),
    String(faker.number.int({ min: 1, max: 999 })).padStart(3, "0"),
  ];
  const key = 97n - (BigInt(parts.join("")) % 97n);
  return [...parts, String(key).padStart(2, "0")].join(faker.helpers.arrayElement(["", " "]));
};

/** Spanish DNI: the number's remainder by 23 selects the letter. */
export const makeDni: MakeValue = (faker) => {
  const number = faker.number.int({ min: 1_000_000, max: 99_999_999 });
  const text = String(number).padStart(8, "0");
  return `${text}${faker.helpers.arrayElement(["", "-"])}${"TRWAGMYFPDXBNJZSQVHLCKE"[number % 23]}`;
};

/** Spanish NIE: a DNI with X, Y or Z as its first digit. */
export const makeNie: MakeValue = (faker) => {
  const first = faker.number.int({ min: 0, max: 2 });
  const rest = faker.string.numeric(7);
  return `${"XYZ"[first]}${rest}${"TRWAGMYFPDXBNJZSQVHLCKE"[Number(`${first}${rest}`) % 23]}`;
};

const ODD_VALUES = [
  1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
];

/** Italian codice fiscale with its control letter. */
export const makeCodiceFiscale: MakeValue = (faker) => {
  const consonants = (count: number) =>
    Array.from({ length: count }, () => faker.helpers.arrayElement([..."BCDFGLMNPRSTVZ"])).join("");
  const day = String(faker.number.int({ min: 1, max: 31 })).padStart(2, "0");
  const month = faker.helpers.arrayElement([..."ABCDEHLMPRST"]);
  const place = `${faker.helpers.arrayElement([..."ABCDEFGHIL"])}${faker.string.numeric(3)}`;
  const stem = `${consonants(6)}${faker.string.numeric(2)}${month}${day}${place}`;
  const values = Array.from(stem, (character, index) => {
    const value = /\d/.test(character) ? Number(character) : character.charCodeAt(0) - 65;
    return index % 2 === 0 ? (ODD_VALUES[value] ?? 0) : value;
  });
  return stem + String.fromCharCode(65 + (sum(values) % 26));
};

/** Dutch BSN: the weighted sum 9, 8, … 2, −1 is a multiple of 11. */
export const makeBsn: MakeValue = (faker) =>
  retry(() =>
    complete(`${faker.number.int({ min: 1, max: 9 })}${faker.string.numeric(7)}`, "0123456789", (text) => {
      const digits = digitsOf(text);
      return sum(digits.map((digit, index) => digit * (index === 8 ? -1 : 9 - index))) % 11 === 0;
    }),
  );

/** Products in the dihedral group of ten elements: rotations 0–4, reflections 5–9. */
function multiplyDihedral(a: number, b: number): number {
  if (a < 5) return b < 5 ? (a + b) % 5 : ((a + (b - 5)) % 5) + 5;
  return b < 5 ? ((a - 5 - b + 5) % 5) + 5 : (a - b + 5) % 5;
}

/** Indian Aadhaar number (Verhoeff), in groups of four. */
export const makeAadhaar: MakeValue = (faker) => {
  const permute = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
  const stem = `${faker.number.int({ min: 2, max: 9 })}${faker.string.numeric(10)}`;
  const whole = retry(() =>
    complete(stem, "0123456789", (text) => {
      let check = 0;
      for (const [index, digit] of digitsOf(text).reverse().entries()) {
        let moved = digit;
        for (let times = 0; times < index % 8; times++) moved = permute[moved] ?? 0;
        check = multiplyDihedral(check, moved);
      }
      return check === 0;
    }),
  );
  return whole.replace(/(\d{4})(\d{4})(\d{4})/, "$1 $2 $3");
};

/** Brazilian CPF with its two check digits and its usual punctuation. */
export const makeCpf: MakeValue = (faker) => {
  const addCheck = (text: string) =>
    retry(() =>
      complete(text, "0123456789", (candidate) => {
        const digits = digitsOf(candidate);
        const weighted = digits.slice(0, -1).map((digit, index) => digit * (digits.length - index));
        return ((sum(weighted) * 10) % 11) % 10 === digits.at(-1);
      }),
    );
  const whole = addCheck(addCheck(faker.string.numeric(9)));
  return whole.replace(/(\d{3})(\d{3})(\d{3})(\d{2})/, "$1.$2.$3-$4");
};
