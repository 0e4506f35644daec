import { afterEach, describe, expect, it, vi } from "vitest";
import { askForProfile } from "../../../../scripts/connections/add-http.ts";
import { compileMetadata } from "../../../../scripts/connections/odata/compile-metadata.ts";
import { isXml, readMetadata } from "../../../../scripts/connections/odata/read-metadata.ts";
import { openapiEntry } from "../../../../shared/connections/kinds/openapi.ts";
import type { HttpOperation } from "../../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../../shared/encoding/json.ts";
import { argumentsFromJsonSchema } from "../../../../shared/server/json-schema-object.ts";
import { openPersonal } from "../../../../workers/connections/http/credential.ts";
import { buildRequest } from "../../../../workers/connections/openapi/build-request.ts";
import type { HttpAnswer } from "../../../../workers/connections/openapi/operation.ts";
import { refuseHiddenNames } from "../../../../workers/connections/openapi/refuse-hidden-names.ts";
import { HttpSession } from "../../../../workers/connections/openapi/session.ts";
import { WriteToken } from "../../../../workers/connections/openapi/write-token.ts";

const V2 = `<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" xmlns:sap="http://www.sap.com/Protocols/SAPData">
 <edmx:DataServices m:DataServiceVersion="2.0">
  <Schema Namespace="API_ORDER" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
   <EntityType Name="OrderType" sap:label="Sales order">
    <Key><PropertyRef Name="Order"/></Key>
    <Property Name="Order" Type="Edm.String" Nullable="false" MaxLength="10" sap:label="Number"/>
    <Property Name="Net" Type="Edm.Decimal"/>
    <Property Name="At" Type="Edm.DateTime"/>
    <NavigationProperty Name="to_Item" Relationship="API_ORDER.r" FromRole="a" ToRole="b"/>
   </EntityType>
   <EntityType Name="ItemType">
    <Key><PropertyRef Name="Order"/><PropertyRef Name="Item"/><PropertyRef Name="Id"/></Key>
    <Property Name="Order" Type="Edm.String"/><Property Name="Item" Type="Edm.Int32"/><Property Name="Id" Type="Edm.Guid"/>
   </EntityType>
   <EntityContainer Name="c" m:IsDefaultEntityContainer="true">
    <EntitySet Name="A_Order" EntityType="API_ORDER.OrderType"/>
    <EntitySet Name="A_Item" EntityType="API_ORDER.ItemType" sap:creatable="false" sap:updatable="false" sap:deletable="false"/>
    <FunctionImport Name="Release" ReturnType="API_ORDER.OrderType" EntitySet="A_Order" m:HttpMethod="POST"><Parameter Name="Order" Type="Edm.String" Mode="In"/></FunctionImport>
    <FunctionImport Name="Count" ReturnType="Edm.Int32" m:HttpMethod="GET"><Parameter Name="Since" Type="Edm.DateTime"/></FunctionImport>
   </EntityContainer>
  </Schema>
 </edmx:DataServices>
</edmx:Edmx>`;

const V4 = `<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
 <Schema Namespace="com.trips" Alias="self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="State"><Member Name="Open"/><Member Name="Done"/></EnumType>
  <ComplexType Name="City"><Property Name="Name" Type="Edm.String"/></ComplexType>
  <EntityType Name="Thing"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.Guid" Nullable="false"/></EntityType>
  <EntityType Name="Trip" BaseType="self.Thing"><Property Name="State" Type="self.State"/><Property Name="Cities" Type="Collection(self.City)"/></EntityType>
  <Function Name="Near"><Parameter Name="lat" Type="Edm.Double"/><Parameter Name="name" Type="Edm.String"/><ReturnType Type="Collection(self.Trip)"/></Function>
  <Action Name="Reset"><Parameter Name="hard" Type="Edm.Boolean"/></Action>
  <EntityContainer Name="c"><EntitySet Name="Trips" EntityType="self.Trip"/><FunctionImport Name="Near" Function="self.Near"/><ActionImport Name="Reset" Action="self.Reset"/></EntityContainer>
 </Schema></edmx:DataServices></edmx:Edmx>`;

const entry = openapiEntry.parse({
  kind: "openapi",
  title: "SAP",
  description: "Orders.",
  owner: "erp@example.com",
  document: "orders.xml",
  reach: { url: "https://sap.example/sap/opu/odata/sap/API_ORDER", csrf: true },
  auth: { type: "basic", user: "COMM" },
});

const compiled = (text: string) => compileMetadata("erp", readMetadata("orders.xml", text), entry);
const operation = (text: string, name: string): HttpOperation => {
  const found = compiled(text).operations.find((one) => one.name === name);
  if (found === undefined) throw new Error(`There is no ${name}.`);
  return found;
};
const targetOf = (text: string, name: string, input: Record<string, JsonValue>) =>
  decodeURIComponent(buildRequest(operation(text, name), input).target).replace(/^.*API_ORDER/, "");

const DERIVED = Array.from(
  { length: 2_000 },
  (_, at) => `<EntityType Name="N${at}" BaseType="API_ORDER.Wide"/>`,
);
const WIDE = V2.replace(
  '<EntityType Name="ItemType">',
  `<EntityType Name="Wide">${'<Property Name="P"/>'.repeat(2_000)}</EntityType>${DERIVED.join("")}$&`,
);

describe("OData metadata", () => {
  it("of 2.0 becomes lists, records, writes that the service allows, and functions", () => {
    const { operations, refused } = compiled(V2);
    expect(refused).toEqual([]);
    expect(operations.map(({ name, method, effect }) => `${name} ${method} ${effect}`)).toEqual([
      "list_A_Order GET read",
      "create_A_Order POST create",
      "get_A_Order GET read",
      "update_A_Order PATCH update",
      "delete_A_Order DELETE delete",
      "list_A_Item GET read",
      "get_A_Item GET read",
      "Release POST update",
      "Count GET read",
    ]);
    const list = operation(V2, "list_A_Order");
    expect(list).toMatchObject({
      query: { $format: "json" },
      list: "d.results",
      paging: { style: "address", next: "d.__next" },
    });
    expect(Object.keys(list.input.properties as object)).toEqual([
      "filter",
      "select",
      "orderby",
      "top",
      "skip",
      "inlinecount",
      "expand",
    ]);
    expect(Object.keys(operation(V2, "create_A_Order").input.properties as object)).toEqual([
      "Order",
      "Net",
      "At",
    ]);
  });

  it("of 4.0 has inherited keys, enumerations, collections, functions in the path and actions with a body", () => {
    const { operations } = compiled(V4);
    expect(operations.map(({ name }) => name)).toEqual([
      "list_Trips",
      "create_Trips",
      "get_Trips",
      "update_Trips",
      "delete_Trips",
      "Near",
      "Reset",
    ]);
    expect(operation(V4, "list_Trips")).toMatchObject({ list: "value", paging: { next: "@odata.nextLink" } });
    expect(operation(V4, "create_Trips").input.properties).toMatchObject({
      State: { enum: ["Open", "Done"] },
      Cities: { type: "array" },
    });
    expect(targetOf(V4, "Near", { lat: "1.5", name: "O'Neil" })).toBe("/Near(lat=1.5,name='O''Neil')");
    expect(buildRequest(operation(V4, "Reset"), { hard: true }).body).toMatchObject({
      text: '{"hard":true}',
    });
  });

  it("writes keys as literals that no value can end", () => {
    expect(targetOf(V2, "get_A_Order", { Order: "10" })).toBe("/A_Order('10')?$format=json");
    expect(targetOf(V2, "delete_A_Order", { Order: "1')/to_Item('2" })).toBe("/A_Order('1'')/to_Item(''2')");
    const raw = buildRequest(operation(V2, "delete_A_Order"), { Order: "1')/x" }).target;
    expect(raw).toContain("%27%27%29%2Fx");
    const Id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    expect(targetOf(V2, "get_A_Item", { Order: "1", Item: 2, Id })).toBe(
      `/A_Item(Order='1',Item=2,Id=guid'${Id}')?$format=json`,
    );
    expect(targetOf(V2, "Count", { Since: "2026-01-01T00:00:00" })).toBe(
      "/Count?$format=json&Since=datetime'2026-01-01T00:00:00'",
    );
    const trip = argumentsFromJsonSchema(operation(V4, "get_Trips").input);
    expect(trip.safeParse({ Id: "1)/x(" }).success).toBe(false);
    expect(trip.safeParse({ Id }).success).toBe(true);
    expect(() => targetOf(V4, "get_Trips", { Id: "1)/x(" })).toThrow(/cannot have/);
  });

  it.each([
    ["entities that unfold to billions", `<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>`],
    ["an entity without a document type", `${V2.replace("Sales order", "&lol;")}`],
    ["what ends in the middle", V2.slice(0, 900)],
    ["another XML document", "<rss/>"],
    ["too many levels", `${"<a>".repeat(5_000)}${"</a>".repeat(5_000)}`],
    ["levels in a comment that does not end", `${"<a>".repeat(50)}<!--${"<!--".repeat(50_000)}`],
    ["properties that many types inherit", WIDE],
    ["more than 10 MB", `<a>${"x".repeat(10_000_001)}</a>`],
  ])("is refused with %s, in one sentence", (_what, text) => {
    expect(isXml(text)).toBe(true);
    expect(() => readMetadata("orders.xml", text)).toThrow(/^orders\.xml (?:is no|has)/);
  });

  it("keeps types apart whose names differ in a dot and an underscore alone", () => {
    const schema = (name: string, type: string, property: string) =>
      `<Schema Namespace="${name}"><EntityType Name="${type}"><Property Name="${property}"/></EntityType><EntityContainer Name="c"><EntitySet Name="S${property}" EntityType="${name}.${type}"/></EntityContainer></Schema>`;
    const text = `<Edmx Version="4.0">${schema("A", "B_C", "One")}${schema("A_B", "C", "Two")}</Edmx>`;
    for (const property of ["One", "Two"])
      expect(Object.keys(operation(text, `create_S${property}`).input.properties as object)).toEqual([
        property,
      ]);
  });

  it("of 2,000 sets is read once, and hostile names make no operation", () => {
    const sets = Array.from(
      { length: 2_000 },
      (_, at) => `<EntitySet Name="S${at}" EntityType="API_ORDER.OrderType"/>`,
    );
    const hostile = `<EntitySet Name="../admin" EntityType="API_ORDER.OrderType"/><EntitySet Name="x?y" EntityType="API_ORDER.OrderType"/>`;
    const text = V2.replace("<FunctionImport", `${sets.join("")}${hostile}<FunctionImport`);
    const { operations } = compileMetadata("erp", readMetadata("x", text), {
      ...entry,
      select: { operations: ["list_*"] },
    });
    expect(operations).toHaveLength(2_002);
    expect(operations.every(({ path }) => /^[\w/]+$/.test(path))).toBe(true);
  });
});

describe("A field that is hidden from a role", () => {
  const hidden = [/^net.*$/i];
  const ask = (input: Record<string, string>) => () =>
    refuseHiddenNames(operation(V2, "list_A_Order"), input, hidden);

  it.each([
    ["a condition", { filter: "Order eq '1' and (Net gt 5)" }],
    ["a condition on what comes along", { filter: "to_Item/any(i: i/NetAmount gt 5)" }],
    ["a sequence", { orderby: "net desc" }],
    ["a selection", { select: "Order,Net" }],
    ["a condition within what comes along", { expand: "to_Item($filter=Net gt 5)" }],
    ["a new name", { expand: "to_Item($compute=Price mul 2 as X)" }],
    ["a sum", { expand: "to_Item($apply=aggregate(Price with sum as X))" }],
    ["a literal that does not end", { filter: "Order eq ' and Net gt 5" }],
    ["escapes", { filter: "Order eq '1' and %4eet gt 5" }],
  ])("is not found by %s", (_what, input) => {
    expect(ask(input as Record<string, string>)).toThrow(/hidden from this role/);
  });

  it("leaves conditions on other fields as they are, and literals", () => {
    expect(
      ask({ filter: "Order eq 'Net' and At gt datetime'2026-01-01T00:00:00'", orderby: "Order" }),
    ).not.toThrow();
    expect(ask({ expand: "to_Item($select=Item)", select: "Order" })).not.toThrow();
  });
});

describe("A write to SAP", () => {
  afterEach(() => vi.restoreAllMocks());

  /** SAP Gateway: a write needs a token of the session that its cookie names. */
  function openGateway() {
    const seen: string[] = [];
    let round = 0;
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const request = new Request(input, init);
      const { pathname } = new URL(request.url);
      const token = request.headers.get("x-csrf-token");
      seen.push(
        `${request.method} ${pathname.split("/").at(-1)} ${token ?? "-"} ${request.headers.get("cookie") ?? "-"}`,
      );
      if (request.headers.get("authorization") !== `Basic ${btoa("COMM:s3cret")}`)
        return new Response(null, { status: 401 });
      if (token === "fetch") {
        round += 1;
        const headers = new Headers({ "x-csrf-token": `token-${round}` });
        headers.append("set-cookie", `SAP_SESSION=s${round}; path=/; HttpOnly`);
        headers.append("set-cookie", "sap-usercontext=client=100; path=/");
        return Response.json({}, { headers });
      }
      if (request.method === "GET")
        return Response.json({ d: { results: [{ Order: "1" }], __next: "A_Order?$skiptoken=2" } });
      const fits =
        token === `token-${round}` && request.headers.get("cookie")?.includes(`SAP_SESSION=s${round}`);
      if (!fits) return new Response(null, { status: 403, headers: { "x-csrf-token": "Required" } });
      return Response.json({ d: { Order: "2" } }, { status: 201 });
    });
    return { seen, forget: () => (round += 1) };
  }

  it("fetches a token once, sends it with the session's cookies, and again when it has ended", async () => {
    const gateway = openGateway();
    const session = new HttpSession(
      { PLAIN_HTTP_UPSTREAMS: "" } as Env,
      { name: "erp", revision: "r", entry },
      "s3cret",
      new Map(),
    );
    const call = async (name: string, input: Record<string, JsonValue>) => {
      const one = operation(V2, name);
      const read = {
        list: one.list ?? null,
        fields: [],
        paging: (one.paging ?? null) as JsonValue,
        isGraphql: false,
        failure: null,
        names: [],
      };
      const asked = { ...buildRequest(one, input), read, traceId: "0".repeat(32), tokenId: "" };
      const request = {
        ...{ id: "1", operation: "request", identity: {}, timeoutMs: 5_000, repeatable: true, note: "" },
        arguments: asked as unknown as Record<string, JsonValue>,
      };
      return (await session.run(
        { name: "erp", revision: "r", entry },
        request,
        5_000,
      )) as unknown as HttpAnswer;
    };
    const list = await call("list_A_Order", { filter: "Net gt 5" });
    expect(list.items).toEqual([{ Order: "1" }]);
    expect(list.next).toEqual({ target: "/sap/opu/odata/sap/API_ORDER/A_Order?$skiptoken=2" });
    expect((await call("create_A_Order", { Order: "2" })).status).toBe(201);
    await call("create_A_Order", { Order: "3" });
    gateway.forget();
    await call("create_A_Order", { Order: "4" });
    const cookies = (at: number) => `SAP_SESSION=s${at}; sap-usercontext=client=100`;
    expect(gateway.seen).toEqual([
      "GET A_Order - -",
      "GET  fetch -",
      `POST A_Order token-1 ${cookies(1)}`,
      `POST A_Order token-1 ${cookies(1)}`,
      `POST A_Order token-1 ${cookies(1)}`,
      "GET  fetch -",
      `POST A_Order token-3 ${cookies(3)}`,
    ]);
  });

  it("takes no token and no cookie of another account, and keeps no refusal", async () => {
    let bearer = "early";
    const seen: string[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const { method, headers } = new Request(input, init);
      const as = headers.get("authorization")?.replace("Bearer ", "") ?? "";
      seen.push(`${method} ${as} ${headers.get("x-csrf-token") ?? "-"} ${headers.get("cookie") ?? "-"}`);
      if (as === "early") return new Response(null, { status: 401 });
      if (method !== "GET") return Response.json({}, { status: 201 });
      return Response.json({}, { headers: { "x-csrf-token": `of-${as}`, "set-cookie": `S=${as}; path=/` } });
    });
    const url = new URL("https://sap.example/");
    const credential = openPersonal(url.origin, async () => bearer);
    const token = new WriteToken(url, credential);
    const write = async (as: string) => {
      bearer = as;
      const own = (account: string) => token.headers(fetch, account, false);
      await credential.send(fetch, url, { method: "POST", headers: new Headers() }, false, own);
    };
    for (const as of ["early", "ann", "ann", "bob"]) await write(as);
    expect(seen).toEqual([
      "GET early fetch -",
      "POST early - -",
      "GET ann fetch -",
      "POST ann of-ann S=ann",
      "POST ann of-ann S=ann",
      "GET bob fetch -",
      "POST bob of-bob S=bob",
    ]);
  });

  it("is set up by the profile, with the metadata of the installation", async () => {
    const set = ["host=sap.example", "service=sap/opu/odata/sap/API_ORDER", "user=COMM"];
    const flags = { file: "connections.yaml", set, document: "orders.xml", owner: "erp@example.com" };
    const { raw } = await askForProfile("sap", flags, async (_question, usual) => usual ?? "");
    expect(openapiEntry.parse(raw)).toMatchObject({
      document: "orders.xml",
      reach: { url: "https://sap.example/sap/opu/odata/sap/API_ORDER", csrf: true },
      auth: { type: "basic", user: "COMM" },
    });
    expect(raw).not.toHaveProperty("profile");
  });
});
