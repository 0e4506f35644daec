import { describe, expect, it } from "vitest";
import { compileDocument } from "../../../scripts/connections/openapi/compile-document.ts";
import { nameOperation } from "../../../scripts/connections/openapi/name-operation.ts";
import { parseDocument, readDocumentText } from "../../../scripts/connections/openapi/read-document.ts";
import { packDefinitions } from "../../../shared/connections/definitions.ts";
import { argumentsFromJsonSchema } from "../../../shared/server/json-schema-object.ts";
import { inputSchemaOf, parseArguments } from "../../../shared/server/schema.ts";
import { compilePets, pet, petsEntry } from "./pets.ts";

describe("A document becomes operations", () => {
  it("and names each one that cannot be used, with the reason", () => {
    const { operations, refused } = compilePets();
    expect(operations.map(({ tool, effect }) => `${tool} ${effect}`)).toEqual([
      "list_pets read",
      "create_pet update",
      "get_pet read",
      "rename_pet update",
      "delete_pets_name delete",
      "upload_photo update",
      "search_pets read",
    ]);
    expect(refused).toEqual([
      { name: "goElsewhere", reason: "is served at another address (evil.example)" },
      { name: "needCookie", reason: "needs the cookie sid" },
      { name: "sendXml", reason: "takes application/xml alone, which is not built" },
      { name: "readOutside", reason: "refers to another document (https://evil.example/parameters.json#/p)" },
      { name: "climb", reason: "has a path with a query or steps upwards" },
    ]);
  });

  it("with one flat input, without what the connection or the protocol sets", () => {
    const names = pet("listPets").arguments.map(({ name }) => name);
    expect(names).toEqual(["limit", "filter_name", "tags", "range", "X-Tenant"]);
    expect(pet("createPet").arguments.map(({ name }) => name)).toEqual(["name", "email", "friends", "owner"]);
    expect(pet("createPet").input.required).toEqual(["name"]);
  });

  it("and keeps the body apart where a name has two meanings", () => {
    const { arguments: given, input } = pet("renamePet");
    expect(given.map(({ name, in: place }) => `${place} ${name}`)).toEqual(["path name", "body body"]);
    expect(input.required).toEqual(["name", "body"]);
  });

  it("whose schemas refer to themselves, stay checkable, and have the form of OpenAPI 3.1", () => {
    const { input, levels } = pet("createPet");
    const schema = argumentsFromJsonSchema(input, {}, levels);
    const friends = [{ name: "Bo", friends: [{ name: "Cy" }] }];
    expect(parseArguments(schema, { name: "Ada", email: null, friends })).toMatchObject({ friends });
    expect(() => parseArguments(schema, { name: "Ada", friends: [{ friends: [] }] })).toThrow(/friends/);
    expect(JSON.stringify(inputSchemaOf(schema))).not.toContain("$ref");
    expect(pet("listPets").input.properties).toMatchObject({ limit: { exclusiveMinimum: 1 } });
  });

  it("whose paging is a cursor of ours", () => {
    expect(pet("listPets").paging).toEqual({ style: "page", key: "page", first: 1, size: "limit" });
    expect(pet("searchPets").paging).toEqual({
      style: "cursor",
      key: "cursor",
      next: "meta.next_cursor",
      in: "query",
    });
    expect(pet("searchPets").list).toBe("data");
    expect(pet("searchPets").arguments.map(({ name }) => name)).toEqual(["q"]);
  });

  it("that an entry selects, renames and describes", () => {
    const chosen = compilePets({
      select: { paths: ["/pets", "/pets/*"], methods: ["get", "delete"] },
      except: { operations: ["list*"] },
      operations: {
        getPet: {
          name: "show",
          title: "Show",
          description: "Shows a pet.",
          effect: "create",
          fields: ["name"],
        },
      },
    });
    expect(chosen.operations.map(({ tool }) => tool)).toEqual(["show", "delete_pets_name"]);
    expect(chosen.operations[0]).toMatchObject({ title: "Show", effect: "create", fields: ["name"] });
    expect(compilePets({ select: { tags: ["pets"] } }).operations).toHaveLength(1);
  });

  it("the same ones each time", () => {
    const digests = () => packDefinitions(compilePets().operations).map(({ digest }) => digest);
    expect(digests()).toEqual(digests());
  });
});

describe("The name of an operation", () => {
  it("is lower case with underscores, at most 39 characters, and a pure function", () => {
    expect(nameOperation("issues/list-for-repo", "get", "/x")).toBe("issues_list_for_repo");
    expect(nameOperation("GetHTTPLogs", "get", "/x")).toBe("get_http_logs");
    expect(nameOperation(undefined, "get", "/repos/{owner}/issues")).toBe("get_repos_owner_issues");
    const long = nameOperation("a".repeat(200), "get", "/x");
    expect(long).toHaveLength(39);
    expect(long).not.toBe(nameOperation("a".repeat(201), "get", "/x"));
    expect(nameOperation("日本", "get", "/x")).toMatch(/^operation_[0-9a-f]{8}$/);
  });

  it("is refused when two operations would share it", () => {
    const text = `{"openapi":"3.1.0","paths":{"/a":{"get":{"operationId":"a-b"}},"/b":{"get":{"operationId":"a/b"}}}}`;
    const { operations, refused } = compileDocument("pets", parseDocument("two.json", text), petsEntry());
    expect(operations.map(({ name }) => name)).toEqual(["a-b"]);
    expect(refused).toEqual([
      { name: "a/b", reason: "would have the name of a-b: give it another under `operations`" },
    ]);
    const prefixed = text.replace("a-b", "list").replace("a/b", "pets_list");
    const twins = compileDocument("pets", parseDocument("two.json", prefixed), petsEntry());
    expect(twins.refused.map(({ name }) => name)).toEqual(["pets_list"]);
  });
});

describe("A hostile document", () => {
  const aliases = (levels: number) =>
    [
      "a0: &a0 [x, x]",
      ...Array.from({ length: levels }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`),
    ].join("\n");

  it.each([
    ["a YAML bomb", `openapi: 3.0.0\n${aliases(40)}`, /alias|too many/i],
    [
      "a nest of 5,000 levels",
      `{"openapi":"3.0.0","x":${"[".repeat(5_000)}${"]".repeat(5_000)}}`,
      /too deep/,
    ],
    ["a page", "<!doctype html><title>API</title>", /no OpenAPI document|neither/],
  ])("%s is refused in one sentence", (_name, text, sentence) => {
    expect(() => parseDocument("hostile.yaml", text)).toThrow(sentence);
  });

  it("of 10 MB is read once, and its cycles end", () => {
    const schemas = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, at) => [
        `S${at}`,
        {
          type: "object",
          description: "x".repeat(400),
          properties: { next: { $ref: `#/components/schemas/S${(at + 1) % 20_000}` } },
        },
      ]),
    );
    const body = { content: { "application/json": { schema: { $ref: "#/components/schemas/S0" } } } };
    const text = JSON.stringify({
      openapi: "3.0.0",
      info: { title: "Large", version: "1" },
      paths: { "/s": { post: { operationId: "send", requestBody: body, responses: {} } } },
      components: { schemas },
    });
    expect(text.length).toBeGreaterThan(9_000_000);
    const document = parseDocument("large.json", text);
    const { operations } = compileDocument("pets", document, petsEntry());
    expect(JSON.stringify(operations).length).toBeLessThan(120_000);
  });

  it.each([
    "http://example.com/openapi.json",
    "https://127.0.0.1/openapi.json",
    "https://2130706433/openapi.json",
    "https://[::1]/openapi.json",
    "https://metadata.internal/latest",
    "https://localhost/openapi.json",
    "https://user:password@example.com/openapi.json",
    "file:///etc/passwd",
    "gopher://example.com/",
  ])("is not fetched from %s", async (address) => {
    await expect(readDocumentText(address, "/")).rejects.toThrow(/not fetched/);
  });
});
