import { describe, expect, it } from "vitest";
import { compileMetadata } from "../../../../scripts/connections/odata/compile-metadata.ts";
import { readMetadata } from "../../../../scripts/connections/odata/read-metadata.ts";
import { openapiEntry } from "../../../../shared/connections/kinds/openapi.ts";
import { argumentsFromJsonSchema } from "../../../../shared/server/json-schema-object.ts";
import { buildRequest } from "../../../../workers/connections/openapi/build-request.ts";

const entry = openapiEntry.parse({
  ...{ kind: "openapi", title: "Types", description: "Types.", owner: "types@example.com" },
  document: "types.xml",
  reach: { url: "https://types.example" },
});

/** The operations of a service whose records have a key of this type. */
function keyedBy(type: string, version: "1.0" | "4.0") {
  const text = `<Edmx Version="${version}"><Schema Namespace="t">
    <EnumType Name="Color"><Member Name="Red"/></EnumType><TypeDefinition Name="Money" UnderlyingType="Edm.Decimal"/>
    <EntityType Name="T"><Key><PropertyRef Name="K"/></Key><Property Name="K" Type="${type}"/></EntityType>
    <EntityContainer Name="c"><EntitySet Name="S" EntityType="t.T"/></EntityContainer></Schema></Edmx>`;
  return compileMetadata("t", readMetadata("t.xml", text), entry).operations;
}

const GUID = "0f8fad5b-d9cb-469f-a165-70867728950e";

/** Version, type, a value, how an address has it, and a value that is refused. */
const LITERALS = [
  ["1.0", "Edm.String", "O'Neil", "'O''Neil'", null],
  ["1.0", "Edm.Boolean", true, "true", "true or 1"],
  ["1.0", "Edm.Int32", 7, "7", "7)/x"],
  ["1.0", "Edm.Int64", "7", "7L", "7L"],
  ["1.0", "Edm.Decimal", "1.50", "1.50M", "1,5"],
  ["1.0", "Edm.Double", "1.5e3", "1.5e3d", "1.5d"],
  ["1.0", "Edm.Single", "1.5", "1.5f", "x"],
  ["1.0", "Edm.Guid", GUID, `guid'${GUID}'`, "1'"],
  ["1.0", "Edm.DateTime", "2026-01-31T00:00:00", "datetime'2026-01-31T00:00:00'", null],
  ["1.0", "Edm.DateTimeOffset", "2026-01-31T00:00:00Z", "datetimeoffset'2026-01-31T00:00:00Z'", null],
  ["1.0", "Edm.Time", "PT13H20M", "time'PT13H20M'", null],
  ["1.0", "Edm.Binary", "A9F0", "X'A9F0'", "xyz"],
  ["4.0", "Edm.Int64", "7", "7", "7L"],
  ["4.0", "Edm.Double", "1.5e3", "1.5e3", "1 or 1"],
  ["4.0", "t.Money", "1.50", "1.50", "x"],
  ["4.0", "Edm.Guid", GUID, GUID, "1"],
  ["4.0", "Edm.Date", "2026-01-31", "2026-01-31", "2026)"],
  ["4.0", "Edm.TimeOfDay", "12:00:00", "12:00:00", "noon"],
  ["4.0", "Edm.DateTimeOffset", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z", "2026'"],
  ["4.0", "Edm.Duration", "PT1H", "duration'PT1H'", null],
  ["4.0", "Edm.Binary", "T0RhdGE", "binary'T0RhdGE'", "a b"],
  ["4.0", "t.Color", "Red", "t.Color'Red'", "Blue"],
] as const;

describe("A key of an OData record", () => {
  it.each(LITERALS)("in version %s of type %s is a literal: %s", (version, type, value, literal, wrong) => {
    const get = keyedBy(type, version).find(({ name }) => name === "get_S");
    if (get === undefined) throw new Error("There is no get_S.");
    const { pathname } = new URL(buildRequest(get, { K: value }).target, "https://types.example");
    expect(decodeURIComponent(pathname)).toBe(`/S(${literal})`);
    const taken = argumentsFromJsonSchema(get.input);
    expect(taken.safeParse({ K: value }).success).toBe(true);
    if (wrong !== null) expect(taken.safeParse({ K: wrong }).success).toBe(false);
  });

  it.each(["Edm.GeographyPoint", "Edm.Stream", "t.Unknown", "Collection(Edm.String)"])(
    "of type %s has no literal, and its record no address",
    (type) => {
      expect(keyedBy(type, "4.0").map(({ name }) => name)).toEqual(["list_S", "create_S"]);
    },
  );
});
