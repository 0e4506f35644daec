import type { z } from "zod";
import { type Compiled, compileDocument } from "../../../scripts/connections/openapi/compile-document.ts";
import { parseDocument } from "../../../scripts/connections/openapi/read-document.ts";
import { openapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";

/** A small API with what documents have: places, styles, bodies, paging, cycles. */
const PETS = `
openapi: 3.0.3
info: { title: Pets, version: "1" }
servers: [{ url: https://api.pets.example/v1 }]
paths:
  /pets:
    get:
      operationId: listPets
      tags: [pets]
      summary: List pets
      parameters:
        - { name: limit, in: query, schema: { type: integer, minimum: 1, maximum: 100, exclusiveMinimum: true, default: 2 } }
        - { name: page, in: query, schema: { type: integer } }
        - { name: "filter[name]", in: query, schema: { type: string } }
        - { name: tags, in: query, style: pipeDelimited, explode: false, schema: { type: array, items: { type: string } } }
        - { name: range, in: query, style: deepObject, explode: true, schema: { type: object, properties: { from: { type: integer } } } }
        - { name: X-Tenant, in: header, schema: { type: string } }
        - { name: Authorization, in: header, required: true, schema: { type: string } }
        - { name: Host, in: header, schema: { type: string } }
        - { name: api_key, in: query, schema: { type: string } }
      responses:
        "200":
          description: ok
          content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/Pet" } } } }
    post:
      operationId: createPet
      requestBody:
        content:
          application/json: { schema: { $ref: "#/components/schemas/Pet" } }
      responses: { "201": { description: ok, content: { application/json: { schema: { $ref: "#/components/schemas/Pet" } } } } }
  /pets/{name}:
    parameters: [{ name: name, in: path, required: true, schema: { type: string } }]
    get:
      operationId: getPet
      responses: { "200": { description: ok, content: { application/json: { schema: { $ref: "#/components/schemas/Pet" } } } } }
    put:
      operationId: renamePet
      requestBody:
        required: true
        content: { application/json: { schema: { type: object, required: [name], properties: { name: { type: string } } } } }
      responses: { "204": { description: ok } }
    delete: { responses: { "204": { description: gone } } }
  /pets/{name}/photo:
    post:
      operationId: uploadPhoto
      parameters: [{ name: name, in: path, required: true, schema: { type: string } }]
      requestBody:
        content:
          multipart/form-data:
            schema: { type: object, properties: { caption: { type: string }, photo: { type: string, format: binary } } }
      responses: { "200": { description: ok } }
  /search:
    get:
      operationId: searchPets
      parameters:
        - { name: cursor, in: query, schema: { type: string } }
        - { name: q, in: query, required: true, schema: { type: string } }
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema:
                type: object
                properties: { data: { type: array, items: { $ref: "#/components/schemas/Pet" } }, meta: { type: object, properties: { next_cursor: { type: string } } } }
  /elsewhere:
    get: { operationId: goElsewhere, servers: [{ url: https://evil.example }], responses: { "200": { description: ok } } }
  /cookie:
    get: { operationId: needCookie, parameters: [{ name: sid, in: cookie, required: true, schema: { type: string } }], responses: {} }
  /xml:
    post: { operationId: sendXml, requestBody: { content: { application/xml: { schema: { type: object } } } }, responses: {} }
  /outside:
    get: { operationId: readOutside, parameters: [{ $ref: "https://evil.example/parameters.json#/p" }], responses: {} }
  /../admin:
    get: { operationId: climb, responses: {} }
components:
  schemas:
    Pet:
      type: object
      required: [name]
      properties:
        id: { type: string, readOnly: true }
        name: { type: string, description: How it is called }
        email: { type: string, nullable: true }
        friends: { type: array, items: { $ref: "#/components/schemas/Pet" } }
        owner: { $ref: "#/components/schemas/Owner" }
    Owner: { type: object, properties: { name: { type: string }, pets: { type: array, items: { $ref: "#/components/schemas/Pet" } } } }
`;

/** An entry of the API, with defaults. */
export function petsEntry(more: Partial<z.input<typeof openapiEntry>> = {}): z.output<typeof openapiEntry> {
  return openapiEntry.parse({
    kind: "openapi",
    title: "Pets",
    description: "Pets of the shop.",
    owner: "pets@example.com",
    document: "pets.yaml",
    reach: { url: "https://api.pets.example/v1" },
    auth: { type: "query", name: "api_key" },
    ...more,
  });
}

/** The operations of the API under an entry. */
export function compilePets(more: Partial<z.input<typeof openapiEntry>> = {}): Compiled {
  return compileDocument("pets", parseDocument("pets.yaml", PETS), petsEntry(more));
}

/** One operation by `operationId`. */
export function pet(name: string, more: Partial<z.input<typeof openapiEntry>> = {}): HttpOperation {
  const found = compilePets(more).operations.find((one) => one.name === name);
  if (found === undefined) throw new Error(`There is no operation ${name}.`);
  return found;
}
