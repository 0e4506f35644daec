import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import { buildRequest } from "../../../workers/connections/openapi/build-request.ts";
import { joinSimple, queryPairs } from "../../../workers/connections/openapi/serialize.ts";
import { pet } from "./pets.ts";

const ORIGIN = "https://api.pets.example";

describe("A path argument cannot leave its segment", () => {
  it.each([
    ["..", null],
    [".", null],
    ["%2e%2e", "/v1/pets/%252e%252e"],
    ["../../admin", "/v1/pets/..%2F..%2Fadmin"],
    ["..\\..\\admin", "/v1/pets/..%5C..%5Cadmin"],
    ["a/b", "/v1/pets/a%2Fb"],
    ["%2f", "/v1/pets/%252f"],
    ["a?admin=1", "/v1/pets/a%3Fadmin%3D1"],
    ["a#b", "/v1/pets/a%23b"],
    ["a;b=c", "/v1/pets/a%3Bb%3Dc"],
    ["//evil.example", "/v1/pets/%2F%2Fevil.example"],
    ["@evil.example", "/v1/pets/%40evil.example"],
    ["\u0000", "/v1/pets/%00"],
    ["a\r\nHost: evil", "/v1/pets/a%0D%0AHost%3A%20evil"],
    ["", null],
  ])("%j", (name, target) => {
    const build = () => buildRequest(pet("getPet"), { name }).target;
    if (target === null) expect(build).toThrow(/must not be/);
    else expect(build()).toBe(target);
  });

  it("whatever its text is", () => {
    const operation = pet("getPet");
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 40 }), (name) => {
        if (!name.isWellFormed() || name === "." || name === "..") return;
        const url = new URL(`${ORIGIN}${buildRequest(operation, { name }).target}`);
        const segments = url.pathname.split("/");
        expect([url.origin, url.search, url.hash, segments.length]).toEqual([ORIGIN, "", "", 4]);
        expect(decodeURIComponent(segments[3] ?? "")).toBe(name);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("A header argument", () => {
  it.each(["a\r\nX-Admin: 1", "a\nb", "a\u0000b", " a", "日本"])("cannot be %j", (value) => {
    expect(() => buildRequest(pet("listPets"), { "X-Tenant": value })).toThrow(/a header cannot have/);
  });

  it.each([
    "Host",
    "authorization",
    "Cookie",
    "Transfer-Encoding",
    "Content-Length",
    "X-Forwarded-For",
    "Proxy-Authorization",
  ])("cannot be %s, whatever a definition says", (key) => {
    const one = { name: "x", in: "header", key, style: "simple", explode: false } as const;
    const operation: HttpOperation = { ...pet("getPet"), arguments: [...pet("getPet").arguments, one] };
    expect(() => buildRequest(operation, { name: "a", x: "b" })).toThrow(/cannot be a parameter/);
  });
});

describe("A request has the arguments where the document wants them", () => {
  it("in the query, in each style", () => {
    const input = { limit: 5, filter_name: "a&b=c", tags: ["x", "y|z"], range: { from: 3 } };
    expect(buildRequest(pet("listPets"), input).target).toBe(
      "/v1/pets?limit=5&filter%5Bname%5D=a%26b%3Dc&tags=x%7Cy%7Cz&range[from]=3",
    );
  });

  it("in a body of JSON, of a form and of parts", () => {
    expect(buildRequest(pet("createPet"), { name: "Ada" }).body).toEqual({
      media: "application/json",
      text: '{"name":"Ada"}',
    });
    expect(buildRequest(pet("renamePet"), { name: "Ada", body: { name: "Bo" } })).toMatchObject({
      target: "/v1/pets/Ada",
      body: { text: '{"name":"Bo"}' },
    });
    const photo = buildRequest(pet("uploadPhoto"), { name: "Ada", caption: "Me", photo: "AAAA" });
    expect(photo.body).toEqual({
      parts: [
        { name: "caption", text: "Me" },
        { name: "photo", file: "AAAA" },
      ],
    });
    expect(() => buildRequest(pet("uploadPhoto"), { name: "Ada", photo: "no base64!" })).toThrow(/Base64/);
  });

  it("where a page begins", () => {
    expect(buildRequest(pet("listPets"), { limit: 2 }, { value: "3" }).target).toBe(
      "/v1/pets?limit=2&page=3",
    );
    expect(buildRequest(pet("listPets"), { limit: 2 }, { target: "/v1/pets?page=3" }).target).toBe(
      "/v1/pets?page=3",
    );
  });

  // OpenAPI 3.1, «Style Examples».
  it.each([
    ["simple", false, "blue,black,brown", "R,100,G,200"],
    ["simple", true, "blue,black,brown", "R=100,G=200"],
    ["label", false, ".blue,black,brown", ".R,100,G,200"],
    ["label", true, ".blue.black.brown", ".R=100.G=200"],
    ["matrix", false, ";color=blue,black,brown", ";color=R,100,G,200"],
    ["matrix", true, ";color=blue;color=black;color=brown", ";R=100;G=200"],
  ] as const)("in a path with style %s, explode %s", (style, explode, list, object) => {
    const argument = { name: "color", in: "path" as const, key: "color", style, explode };
    expect(joinSimple(argument, ["blue", "black", "brown"])).toBe(list);
    expect(joinSimple(argument, { R: 100, G: 200 })).toBe(object);
  });

  it.each([
    ["form", true, "color=blue&color=black"],
    ["form", false, "color=blue,black"],
    ["spaceDelimited", false, "color=blue%20black"],
    ["pipeDelimited", false, "color=blue%7Cblack"],
    ["deepObject", true, "color[0]=blue&color[1]=black"],
  ] as const)("in the query with style %s, explode %s", (style, explode, text) => {
    const argument = { name: "color", in: "query" as const, key: "color", style, explode };
    expect(
      queryPairs(argument, ["blue", "black"])
        .map((pair) => pair.join("="))
        .join("&"),
    ).toBe(text);
  });
});
