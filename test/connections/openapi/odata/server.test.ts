import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { LANES, openSession } from "../../../support/session.ts";
import { approved, openServices, sap, trips } from "./publish-services.ts";

beforeAll(openServices);

afterAll(() => vi.restoreAllMocks());

beforeEach(() => {
  sap.reset();
  trips.reset();
});

const scopesOf = (name: string) => ["read", "write", "delete"].map((kind) => `${name}:${kind}`);
const GUID = "0f8fad5b-d9cb-469f-a165-70867728950e";

describe.each(LANES)("A service of SAP (OData 2.0) on the %s lane", (lane) => {
  const as = `olga_${lane}`;
  const open = () => openSession({ server: "erp", lane, as, scopes: scopesOf("erp") });
  const change = (session: Awaited<ReturnType<typeof open>>, tool: string, args: Record<string, unknown>) =>
    approved(session, `user_${as}`, tool, args);
  const read = async (session: Awaited<ReturnType<typeof open>>, Order: string) =>
    (await session.call("erp_get_a_order", { Order })).data?.result;

  it("lists by condition, with fields, sequence, most records and the number of all", async () => {
    const session = await open();
    const { data, error } = await session.call("erp_list_a_order", {
      ...{ filter: "Net gt 20.00 and Customer lt 'Customer 5'", select: "Order,Net" },
      ...{ orderby: "Net desc", top: 1, inlinecount: "allpages" },
    });
    expect(error).toBeUndefined();
    expect(data).toMatchObject({ items: [{ Order: "4", Net: "40.00" }], total: 2, next: null });
    expect(data.items[0]).not.toHaveProperty("Customer");
  });

  it("gives a page after the other, although it names them by the address at which it knows itself", async () => {
    const session = await open();
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const { data, error } = await session.call("erp_list_a_order", {
        filter: "Net lt 55.00",
        ...(cursor && { cursor }),
      });
      expect(error).toBeUndefined();
      found.push(...data.items.map(({ Order }: { Order: string }) => Order));
      cursor = data.next ?? undefined;
    } while (cursor !== undefined && found.length < 20);
    expect(found).toEqual(["1", "2", "3", "4", "5"]);
  });

  it("reads a record by its key, whatever characters it has", async () => {
    const session = await open();
    expect(await read(session, "O'Neil/7")).toMatchObject({ Customer: "Customer O'Neil/7", Net: "60.00" });
    const item = await session.call("erp_get_a_item", { Order: "O'Neil", Item: 2, Id: GUID });
    expect(item.data?.result).toEqual({ Order: "O'Neil", Item: 2, Id: GUID, Text: "A box" });
    expect((await session.call("erp_get_a_order", { Order: "1')/to_Item('2" })).error?.code).toBe(
      "not_found",
    );
    expect(sap.seen.at(-1)?.path).toBe("/A_Order('1'')/to_Item(''2')");
  });

  it("creates, changes and deletes what another person has approved, with the token of its session", async () => {
    const session = await open();
    sap.endSessions();
    const made = await change(session, "erp_create_a_order", { Order: "N1", Customer: "New", Net: "7.50" });
    expect(made.error).toBeUndefined();
    expect(made.data).toMatchObject({ status: 201, result: { Order: "N1", CreatedBy: "COMM" } });
    const { etag } = (await read(session, "N1")).__metadata;
    const args = { Order: "N1", Net: "8.00", "If-Match": etag };
    const changed = await change(session, "erp_update_a_order", args);
    expect(changed.error).toBeUndefined();
    expect(changed.data).toMatchObject({ status: 204 });
    expect((await read(session, "N1")).Net).toBe("8.00");
    const old = await change(session, "erp_delete_a_order", { Order: "N1", "If-Match": etag });
    expect(old.error).toMatchObject({
      code: "conflict",
      message: "SAP says that this conflicts with its present state (HTTP 412).",
      suggested_action: expect.stringContaining("read it again"),
    });
    const now = (await read(session, "N1")).__metadata.etag;
    expect((await change(session, "erp_delete_a_order", { Order: "N1", "If-Match": now })).data?.status).toBe(
      204,
    );
    expect((await session.call("erp_get_a_order", { Order: "N1" })).error?.code).toBe("not_found");
    const writes = sap.seen.filter(({ method }) => method !== "GET");
    expect(writes.every(({ token, cookie }) => token !== "-" && cookie.includes("SAP_SESSION="))).toBe(true);
    expect(sap.seen.filter(({ token }) => token === "fetch").length).toBeLessThan(writes.length);
  });

  it("fetches another token when its session has ended, once, and the change is made once", async () => {
    const session = await open();
    await change(session, "erp_create_a_order", { Order: "A" });
    sap.endSessions();
    sap.seen.length = 0;
    expect((await change(session, "erp_create_a_order", { Order: "B" })).data?.status).toBe(201);
    expect(sap.seen.map(({ method, path, token }) => `${method} ${path} ${token === "fetch"}`)).toEqual([
      "POST /A_Order false",
      "GET / true",
      "POST /A_Order false",
    ]);
  });

  it("needs the ETag where the metadata says so, and takes no field that it writes itself", async () => {
    const session = await open();
    const { tools } = (await session.request("tools/list")).result;
    const inputOf = (name: string) =>
      tools.find((tool: { name: string }) => tool.name === name)?.inputSchema ?? {};
    expect(inputOf("erp_update_a_order").required.toSorted()).toEqual(["If-Match", "Order"]);
    expect(Object.keys(inputOf("erp_update_a_order").properties).sort().join()).toBe(
      "Customer,If-Match,Net,Order",
    );
    expect(Object.keys(inputOf("erp_create_a_order").properties).sort().join()).toBe("Customer,Net,Order");
    expect((await session.call("erp_update_a_order", { Order: "1", Net: "1" })).error?.code).toBe(
      "invalid_input",
    );
    expect(tools.map(({ name }: { name: string }) => name)).not.toContain("erp_create_a_item");
  });

  it("runs functions, with literals, and gives their records as a list", async () => {
    const session = await open();
    const args = { Net: "45.5", Since: "2026-01-01T00:00:00" };
    const { data, error } = await session.call("erp_over", args);
    expect(error).toBeUndefined();
    expect(data.items.map(({ Order }: { Order: string }) => Order)).toEqual(["5", "O'Neil/7"]);
    const released = await change(session, "erp_release", { Order: "O'Neil/7" });
    expect(released.data?.result.Order).toBe("O'Neil/7");
    expect((await session.call("erp_over", { ...args, Net: "1' or 1" })).error?.code).toBe("invalid_input");
  });

  it("refuses in words of Gatehouse, and repeats no text of it", async () => {
    const session = await open();
    const { error } = await session.call("erp_list_a_order", { filter: "Secret eq 'x'" });
    expect(error).toMatchObject({
      code: "invalid_input",
      message: "SAP does not accept the arguments (HTTP 400).",
    });
    expect((await session.call("erp_get_a_order", { Order: "99" })).error?.message).toMatch(
      /^SAP has nothing at this place \(HTTP 404\)\.(?: It names: Order\.)?$/,
    );
    const twice = await change(session, "erp_create_a_order", { Order: "1" });
    expect(twice.error?.message).toBe("SAP does not accept the arguments (HTTP 400). It names: Order.");
  });

  it("gives a role neither a hidden field nor a way to find it", async () => {
    const scopes = ["erp:read"];
    const viewer = await openSession({ server: "erp", lane, as: "vera", role: "viewer", scopes });
    const { data } = await viewer.call("erp_list_a_order", { top: 1 });
    expect(data.items[0]).toMatchObject({ Order: "1", Net: "10.00" });
    expect(JSON.stringify(data)).not.toContain("user0@");
    expect(data.items[0].__metadata, "the ETag alone").toEqual({ etag: expect.stringMatching(/^W\//) });
    const before = sap.seen.length;
    for (const args of [
      { filter: "CreatedBy eq 'user0@example.com'" },
      { filter: "Order eq '1' and createdby gt 'u'" },
      { orderby: "CreatedBy" },
      { select: "Order,CreatedBy" },
      { expand: "to_Item($filter=CreatedBy gt 'u')" },
    ])
      expect((await viewer.call("erp_list_a_order", args)).error, JSON.stringify(args)).toMatchObject({
        code: "forbidden",
        message: expect.stringContaining("hidden from this role"),
      });
    expect(sap.seen.length).toBe(before);
  });

  it("gives a role no link that has a hidden field as its key", async () => {
    const scopes = ["erp:read"];
    const viewer = await openSession({ server: "erp", lane, as: "vera", role: "viewer", scopes });
    const { data } = await viewer.call("erp_list_a_contact", {});
    expect(data.items[0].Name).toBe("Ada");
    expect(JSON.stringify(data)).not.toContain("lovelace");
  });
});

describe.each(LANES)("A service of OData 4 on the %s lane", (lane) => {
  const as = `otto_${lane}`;
  const open = () => openSession({ server: "trips", lane, as, scopes: scopesOf("trips") });
  const change = (session: Awaited<ReturnType<typeof open>>, tool: string, args: Record<string, unknown>) =>
    approved(session, `user_${as}`, tool, args);

  it("lists by condition, with fields, sequence, most records and the number of all", async () => {
    const session = await open();
    const { data, error } = await session.call("trips_list_trips", {
      ...{ filter: "Price gt 100", select: "Title,Price", orderby: "Price desc", top: 1, count: true },
    });
    expect(error).toBeUndefined();
    expect(data).toMatchObject({ items: [{ Title: "Lima", Price: 300 }], total: 2, next: null });
    expect(data.items[0]).not.toHaveProperty("State");
    const counted = await session.call("trips_list_trips", { top: 0, count: true });
    expect(counted.data).toEqual({ items: [], total: 3, next: null });
  });

  it("gives a page after the other, of lists and of what functions give", async () => {
    const session = await open();
    const first = await session.call("trips_list_trips", {});
    expect(first.data.items).toHaveLength(2);
    const second = await session.call("trips_list_trips", { cursor: first.data.next });
    expect(second.data).toMatchObject({ items: [{ Title: "Lima" }], next: null });
    trips.page = 1;
    const args = { state: "Open", name: "O'Neil" };
    const found = await session.call("trips_in", args);
    expect(found.error).toBeUndefined();
    const rest = await session.call("trips_in", { ...args, cursor: found.data.next });
    expect([found, rest].map(({ data }) => data.items[0].Title)).toEqual(["Rome", "Lima"]);
    expect(trips.seen.at(-1)?.path).toBe("In(state=com.trips.State'Open',name='O''Neil')");
    trips.page = 2;
  });

  it("says that there are more when its next page is at an address that is not asked", async () => {
    const session = await open();
    trips.nextAddress = "https://elsewhere.example/other?page=2";
    const { data } = await session.call("trips_list_trips", {});
    trips.nextAddress = null;
    expect(data).toMatchObject({
      items: [{}, {}],
      next: null,
      left_out: "Trips has more rows, at an address that is not asked. Use narrower filters.",
    });
    expect((await session.call("trips_list_trips", { top: 1 })).data).not.toHaveProperty("left_out");
  });

  it("offers no function whose parameters have no literal, and no change that its annotations deny", async () => {
    const session = await open();
    const { tools } = (await session.request("tools/list")).result;
    const names = tools.map(({ name }: { name: string }) => name);
    expect(names.filter((name: string) => name.startsWith("trips_")).sort()).toEqual(
      [
        ...["list_trips", "create_trips", "get_trips", "update_trips", "delete_trips"],
        ...["list_airports", "get_airports", "in", "reset"],
      ]
        .map((one) => `trips_${one}`)
        .sort(),
    );
  });

  it("creates, changes and deletes what another person has approved, with the ETag", async () => {
    const session = await open();
    const made = await change(session, "trips_create_trips", {
      Title: "Bern",
      Price: 12.5,
      Cities: [{ Name: "Bern" }],
    });
    expect(made.data).toMatchObject({ status: 201, result: { Id: 4, Title: "Bern" } });
    const get = async () => (await session.call("trips_get_trips", { Id: "4" })).data?.result;
    const first = (await get())["@odata.etag"];
    const changed = await change(session, "trips_update_trips", {
      Id: "4",
      Title: "Basel",
      "If-Match": first,
    });
    expect(changed.data?.status).toBe(204);
    expect(JSON.parse(trips.seen.at(-1)?.body ?? "")).toEqual({ Title: "Basel" });
    const old = await change(session, "trips_delete_trips", { Id: "4", "If-Match": first });
    expect(old.error).toMatchObject({
      code: "conflict",
      message: "Trips says that this conflicts with its present state (HTTP 412).",
    });
    const now = (await get())["@odata.etag"];
    expect((await change(session, "trips_delete_trips", { Id: "4", "If-Match": now })).data?.status).toBe(
      204,
    );
    expect((await session.call("trips_get_trips", { Id: "4" })).error?.code).toBe("not_found");
  });

  it("runs an action with its parameters", async () => {
    const session = await open();
    expect((await session.call("trips_reset", { hard: true })).data?.status).toBe(204);
    expect(trips.seen.at(-1)).toMatchObject({ method: "POST", path: "Reset", body: '{"hard":true}' });
  });

  it("refuses in words of Gatehouse, and repeats no text of it", async () => {
    const session = await open();
    const { error } = await session.call("trips_list_trips", { filter: "Secret eq 'x'" });
    expect(error?.message).toBe("Trips does not accept the arguments (HTTP 400).");
    expect((await session.call("trips_get_trips", { Id: "1)/x(" })).error?.code).toBe("invalid_input");
  });

  it("gives a role neither a hidden field nor a way to find it", async () => {
    const scopes = ["trips:read"];
    const viewer = await openSession({ server: "trips", lane, as: "vera", role: "viewer", scopes });
    const { data } = await viewer.call("trips_list_trips", { top: 1 });
    expect(data.items[0]).toMatchObject({ Title: "Rome" });
    expect(JSON.stringify(data)).not.toMatch(/guest0@|editLink/);
    const before = trips.seen.length;
    for (const args of [
      { filter: "email eq 'guest0@example.com'" },
      { orderby: "Email desc" },
      { select: "Title,Email" },
      { expand: "Guests($orderby=Email)" },
      { expand: "Guests($compute=toupper(Title) as T)" },
    ])
      expect((await viewer.call("trips_list_trips", args)).error?.code, JSON.stringify(args)).toBe(
        "forbidden",
      );
    expect(trips.seen.length).toBe(before);
  });
});
