import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { insertRows } from "./insert.ts";

/** The folder with the data files of the package `vega-datasets`, whose `exports` name only its entry. */
const DATA = path.join(path.dirname(fileURLToPath(import.meta.resolve("vega-datasets"))), "../data");

/**
 * The eleven sectors that add up to all nonfarm jobs; the other columns of the file are their sums or parts.
 */
const SECTORS = {
  mining_and_logging: "Mining and logging",
  construction: "Construction",
  manufacturing: "Manufacturing",
  // Misspelled in the file.
  trade_transportation_utilties: "Trade, transportation and utilities",
  information: "Information",
  financial_activities: "Financial activities",
  professional_and_business_services: "Professional and business services",
  education_and_health_services: "Education and health services",
  leisure_and_hospitality: "Leisure and hospitality",
  other_services: "Other services",
  government: "Government",
} as const;

const SOURCES: readonly (readonly string[])[] = [
  [
    "country_profiles",
    "Gapminder: income, life expectancy and population",
    "Gapminder Foundation",
    "https://www.gapminder.org",
    "CC BY 4.0",
    "https://www.gapminder.org/free-material/",
    "Name Gapminder when showing the figures. The reference year is not stated by the source.",
  ],
  [
    "us_employment",
    "Current Employment Statistics",
    "US Bureau of Labor Statistics",
    "https://www.bls.gov/ces/",
    "US government work (public domain)",
    "https://www.usa.gov/government-works",
    "Seasonally adjusted, January 2006 to December 2015, as of 11 November 2018.",
  ],
  [
    "us_unemployment",
    "Current Population Survey, unemployment by industry (table A-31)",
    "US Census Bureau and US Bureau of Labor Statistics",
    "https://www.census.gov/programs-surveys/cps.html",
    "US government work (public domain)",
    "https://www.usa.gov/government-works",
    "BLS.gov cannot vouch for the data or analyses derived from these data after the data have been retrieved from BLS.gov.",
  ],
];

/**
 * Loads the public tables and their sources. The files belong to the package `vega-datasets` 3.2.1, a
 * collection under the BSD 3-Clause licence; the table `sources` has the licences of the data themselves.
 */
export async function loadPublicData(db: D1Database): Promise<number> {
  const [profiles, employment, unemployment] = await Promise.all([
    readProfiles(),
    readEmployment(),
    readUnemployment(),
  ]);
  await insertRows(
    db,
    "sources",
    ["table_name", "title", "publisher", "url", "licence", "licence_url", "note"],
    SOURCES,
  );
  await insertRows(
    db,
    "country_profiles",
    ["country", "income_per_person", "life_expectancy", "population", "world_region"],
    profiles,
  );
  await insertRows(db, "us_employment", ["month", "sector", "jobs"], employment);
  await insertRows(db, "us_unemployment", ["month", "industry", "unemployed", "rate_percent"], unemployment);
  return profiles.length + employment.length + unemployment.length;
}

async function readProfiles(): Promise<(string | number)[][]> {
  const records = await readCsv("gapminder-health-income.csv");
  return records.map(({ country = "", income, health, population, region = "" }) => [
    country,
    Number(income),
    Number(health),
    Number(population),
    region.replaceAll("_", " "),
  ]);
}

async function readEmployment(): Promise<(string | number)[][]> {
  const records = await readCsv("us-employment.csv");
  return records.flatMap((record) =>
    // The file counts in thousands, some with one decimal.
    Object.entries(SECTORS).map(([column, sector]) => [
      record.month ?? "",
      sector,
      Math.round(Number(record[column]) * 1_000),
    ]),
  );
}

async function readUnemployment(): Promise<(string | number)[][]> {
  const text = await readFile(path.join(DATA, "unemployment-across-industries.json"), "utf8");
  const records = JSON.parse(text) as {
    series: string;
    year: number;
    month: number;
    count: number;
    rate: number;
  }[];
  return records.map(({ series, year, month, count, rate }) => [
    `${year}-${String(month).padStart(2, "0")}-01`,
    series,
    count * 1_000,
    rate,
  ]);
}

/** Rows of a comma-separated file by column. Fields may be quoted; a row of another length is an error. */
async function readCsv(name: string): Promise<Record<string, string>[]> {
  const text = await readFile(path.join(DATA, name), "utf8");
  const [header = "", ...lines] = text.trim().split(/\r?\n/);
  const columns = header.split(",");
  return lines.map((line) => {
    const cells = splitLine(line);
    if (cells.length !== columns.length) throw new Error(`${name}: a row has ${cells.length} cells: ${line}`);
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ""]));
  });
}

function splitLine(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? "",
  );
}
