import { URN } from "./messages.ts";

const META_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema";
const META_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";

/** What this server supports (RFC 7643 §5). */
export function describeProvider(publicUrl: string) {
  const no = { supported: false };
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    patch: { supported: true },
    bulk: { ...no, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: 200 },
    changePassword: no,
    sort: no,
    etag: no,
    authenticationSchemes: [
      {
        type: "oauthbearertoken",
        name: "Bearer",
        description: "The secret SCIM_TOKEN of the deployment as bearer token.",
        primary: true,
      },
    ],
    meta: { resourceType: "ServiceProviderConfig", location: `${publicUrl}/scim/v2/ServiceProviderConfig` },
  };
}

/** The kinds of resources (RFC 7643 §6). */
export function listResourceTypes(publicUrl: string) {
  return [
    { id: "User", endpoint: "/Users", schema: URN.user, description: "A person who may sign in" },
    { id: "Group", endpoint: "/Groups", schema: URN.group, description: "People, for roles by rules" },
  ].map((type) => ({
    schemas: [META_TYPE],
    name: type.id,
    ...type,
    meta: { resourceType: "ResourceType", location: `${publicUrl}/scim/v2/ResourceTypes/${type.id}` },
  }));
}

/** An attribute as RFC 7643 §7 describes it; what is left out is the usual. */
function attribute(name: string, description: string, more: object = {}) {
  return {
    name,
    type: "string",
    multiValued: false,
    description,
    required: false,
    caseExact: false,
    mutability: "readWrite",
    returned: "default",
    uniqueness: "none",
    ...more,
  };
}

const READ_ONLY = { mutability: "readOnly" };

const USER = [
  attribute("userName", "The e-mail address with which the person signs in, or a name of the client.", {
    required: true,
    uniqueness: "server",
  }),
  attribute("displayName", "The person's name."),
  attribute("name", "The person's name; a body without displayName may give it here.", {
    type: "complex",
    ...READ_ONLY,
    subAttributes: [attribute("formatted", "The same as displayName.", READ_ONLY)],
  }),
  attribute(
    "emails",
    "The address with which the person signs in. Where userName is an address, it is that one.",
    {
      type: "complex",
      multiValued: true,
      subAttributes: [
        attribute("value", "The address."),
        attribute("type", "Always work.", READ_ONLY),
        attribute("primary", "Always true.", { type: "boolean", ...READ_ONLY }),
      ],
    },
  ),
  attribute("active", "Whether the person may come in.", { type: "boolean" }),
];

const GROUP = [
  attribute("displayName", "The name that the policy's rules use.", { required: true, uniqueness: "server" }),
  attribute("members", "Provisioned people; other ids are left out.", {
    type: "complex",
    multiValued: true,
    subAttributes: [
      attribute("value", "Id of the person.", { mutability: "immutable", caseExact: true }),
      attribute("$ref", "Address of the person.", {
        type: "reference",
        referenceTypes: ["User"],
        mutability: "immutable",
        caseExact: true,
      }),
      attribute("type", "Always User.", { mutability: "immutable", canonicalValues: ["User"] }),
    ],
  }),
];

/** The attributes that are kept of each kind of resource (RFC 7643 §7). */
export function listSchemas(publicUrl: string) {
  return [
    { id: URN.user, name: "User", description: "A person who may sign in", attributes: USER },
    { id: URN.group, name: "Group", description: "People, for roles by rules", attributes: GROUP },
  ].map((schema) => ({
    schemas: [META_SCHEMA],
    ...schema,
    meta: { resourceType: "Schema", location: `${publicUrl}/scim/v2/Schemas/${schema.id}` },
  }));
}
