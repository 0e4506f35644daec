import type { MaskRules } from "../../../shared/call/mask-rules.ts";
import { FieldSight } from "../../../workers/connections/documents/sight.ts";
import type { DocumentSource } from "../../../workers/connections/documents/source.ts";
import { fieldsOf } from "../../../workers/connections/opensearch/catalogue.ts";

/** A mapping with every way in which the value of one field comes to another. */
export const MAPPING = {
  runtime: { computed: { type: "keyword" } },
  properties: {
    status: { type: "keyword" },
    note: { type: "text", fields: { keyword: { type: "keyword" } } },
    total: { type: "double" },
    ordered_at: { type: "date" },
    customer: {
      properties: {
        name: { type: "text", copy_to: "everything", fields: { keyword: { type: "keyword" } } },
        email: { type: "keyword", copy_to: ["everything"], fields: { text: { type: "text" } } },
        country: { type: "keyword" },
      },
    },
    mail: { type: "alias", path: "customer.email" },
    mail_again: { type: "alias", path: "everything" },
    everything: { type: "text" },
    extra: { type: "flat_object" },
    items: { type: "nested", properties: { sku: { type: "keyword" }, qty: { type: "integer" } } },
  },
};

export const ORDERS: DocumentSource = {
  name: "orders",
  kind: "alias",
  alsoKnownAs: ["orders-v2"],
  documents: null,
  fields: fieldsOf(MAPPING),
};

const masks = (pii: "show" | "mask" | "drop"): MaskRules => ({
  fields: { public: "show", internal: "show", pii, secret: "drop" },
  text: [],
});

const classes = { "orders-v2/customer.email": "pii" } as const;

/** A role that may see everything of the orders, and one that may not see addresses. */
export const SEES_ALL = new FieldSight({ classes, data_class: "internal" }, masks("show"));
export const SEES_LESS = new FieldSight({ classes, data_class: "internal" }, masks("mask"));

/** Fields that hold addresses, each in its way; for a role that may not see some, what cannot be resolved too. */
export const HIDDEN_FIELDS = [
  "customer.email",
  "customer.email.text",
  "mail",
  "mail_again",
  "everything",
  "extra",
  "computed",
];
