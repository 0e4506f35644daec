/** Check-digit tests. Each takes the characters without separators. */

const weigh = (digits: string, weights: readonly number[]) =>
  weights.reduce((total, weight, index) => total + weight * Number(digits[index]), 0);

/** Payment cards (ISO/IEC 7812-1, Luhn): every second digit from the right counts double. */
export function passesLuhn(digits: string): boolean {
  let total = 0;
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index]);
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    total += doubled > 9 ? doubled - 9 : doubled;
  }
  return total % 10 === 0;
}

/** IBAN (ISO 13616, ISO 7064 MOD 97-10): country and check digits move to the end, letters count from 10. */
export function passesIban(iban: string): boolean {
  let remainder = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

/**
 * German IdNr (§ 139b AO; ISO 7064 MOD 11,10): eleven digits, the first not 0, and among the first ten one
 * digit occurs twice or three times and no other does.
 */
export function passesIdNr(digits: string): boolean {
  const stem = digits.slice(0, 10);
  const counts = [...new Set(stem)].map((digit) => stem.split(digit).length - 1).filter((count) => count > 1);
  if (digits.startsWith("0") || counts.length !== 1 || (counts[0] ?? 0) > 3) return false;
  let product = 10;
  for (const digit of stem) product = (((Number(digit) + product) % 10 || 10) * 2) % 11;
  return (11 - product) % 10 === Number(digits[10]);
}

/** French NIR: 97 minus the remainder by 97 is the key; Corsica's 2A and 2B count as 19 and 18. */
export function passesNir(nir: string): boolean {
  const number = nir.slice(0, 13).toUpperCase().replace("2A", "19").replace("2B", "18");
  return 97n - (BigInt(number) % 97n) === BigInt(nir.slice(13));
}

/** Spanish DNI and NIE: the number's remainder by 23 selects the letter; X, Y, Z count as 0, 1, 2. */
export function passesDni(dni: string): boolean {
  const number = dni.slice(0, -1).replace("X", "0").replace("Y", "1").replace("Z", "2");
  return "TRWAGMYFPDXBNJZSQVHLCKE"[Number(number) % 23] === dni.at(-1);
}

/** Values of characters in odd places of a codice fiscale, by digit or letter (D.M. 23/12/1976). */
const ODD_PLACES = "BAFHJNPRTVBAFHJNPRTVCESULDGIMOQKWZYX";
const CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Italian codice fiscale: sixteen characters, the last one a control letter. */
export function passesCodiceFiscale(code: string): boolean {
  let total = 0;
  for (let index = 0; index < 15; index++) {
    const place = CHARACTERS.indexOf(code.charAt(index));
    total += index % 2 === 0 ? ODD_PLACES.charCodeAt(place) - 65 : place > 9 ? place - 10 : place;
  }
  return String.fromCharCode(65 + (total % 26)) === code.at(-1);
}

/** Dutch BSN: the sum with weights 9 to 2 and −1 is a multiple of 11. */
export function passesBsn(digits: string): boolean {
  return !/^0+$/.test(digits) && weigh(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0;
}

/** Verhoeff (1969) tables: the dihedral group of order ten, and the permutation of each place. */
const PRODUCTS = [
  "0123456789",
  "1234067895",
  "2340178956",
  "3401289567",
  "4012395678",
  "5987604321",
  "6598710432",
  "7659821043",
  "8765932104",
  "9876543210",
];
const PLACES = [
  "0123456789",
  "1576283094",
  "5803796142",
  "8916043527",
  "9453126870",
  "4286573901",
  "2793806415",
  "7046913258",
];

/** Indian Aadhaar number: twelve digits with a Verhoeff check digit. */
export function passesVerhoeff(digits: string): boolean {
  let check = 0;
  for (let index = 0; index < digits.length; index++) {
    const moved = PLACES[index % 8]?.[Number(digits[digits.length - 1 - index])];
    check = Number(PRODUCTS[check]?.[Number(moved)]);
  }
  return check === 0;
}

/** Brazilian CPF: two check digits, weights falling to 2; a number of one digit only is never issued. */
export function passesCpf(digits: string): boolean {
  const check = (count: number) => {
    const weights = Array.from({ length: count }, (_, index) => count + 1 - index);
    return ((weigh(digits, weights) * 10) % 11) % 10 === Number(digits[count]);
  };
  return !/^(\d)\1+$/.test(digits) && check(9) && check(10);
}
