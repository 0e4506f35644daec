import type { Faker } from "@faker-js/faker";
import { faker as german } from "@faker-js/faker/locale/de";
import { faker as australian } from "@faker-js/faker/locale/en_AU";
import { faker as canadian } from "@faker-js/faker/locale/en_CA";
import { faker as british } from "@faker-js/faker/locale/en_GB";
import { faker as indian } from "@faker-js/faker/locale/en_IN";
import { faker as american } from "@faker-js/faker/locale/en_US";
import { faker as southAfrican } from "@faker-js/faker/locale/en_ZA";
import { faker as spanish } from "@faker-js/faker/locale/es";
import { faker as mexican } from "@faker-js/faker/locale/es_MX";
import { faker as french } from "@faker-js/faker/locale/fr";
import { faker as polish } from "@faker-js/faker/locale/pl";
import { faker as brazilian } from "@faker-js/faker/locale/pt_BR";
import { faker as swedish } from "@faker-js/faker/locale/sv";
import { faker as turkish } from "@faker-js/faker/locale/tr";

/** A country with typical names of people, companies and towns. */
export interface Place {
  region: string;
  country: string;
  names: Faker;
}

/** The markets of the demonstration company, by weight. */
export const PLACES: readonly (readonly [Place, number])[] = [
  [{ region: "North America", country: "United States", names: american }, 34],
  [{ region: "North America", country: "Canada", names: canadian }, 6],
  [{ region: "Europe", country: "Germany", names: german }, 12],
  [{ region: "Europe", country: "United Kingdom", names: british }, 10],
  [{ region: "Europe", country: "France", names: french }, 8],
  [{ region: "Europe", country: "Spain", names: spanish }, 4],
  [{ region: "Europe", country: "Poland", names: polish }, 3],
  [{ region: "Europe", country: "Sweden", names: swedish }, 3],
  [{ region: "Latin America", country: "Brazil", names: brazilian }, 5],
  [{ region: "Latin America", country: "Mexico", names: mexican }, 3],
  [{ region: "Asia Pacific", country: "Australia", names: australian }, 4],
  [{ region: "Asia Pacific", country: "India", names: indian }, 4],
  [{ region: "Middle East", country: "Türkiye", names: turkish }, 2],
  [{ region: "Africa", country: "South Africa", names: southAfrican }, 2],
];

/** Resets every generator to its seed, so that a load is repeatable. */
export function seedPlaces(seed: number): void {
  for (const [index, [place]] of PLACES.entries()) place.names.seed(seed + index);
}

/** Letters and digits of a name, for addresses: `Müller & Söhne` becomes `muller-sohne`. */
export function toSlug(name: string): string {
  return name
    .replaceAll("ß", "ss")
    .replaceAll("ł", "l")
    .replaceAll("Ł", "L")
    .replaceAll("ø", "o")
    .replaceAll("ı", "i")
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}
