import { defineView } from "../../../shared/server/view.ts";
import type { CrmStore } from "../store.ts";
import card from "../view/customer-card.json" with { type: "json" };

/** The card of one customer, shown with the answer of `crm_get_customer`. */
export const customerCard = defineView<CrmStore>({
  name: "crm_customer_card",
  title: "Customer card",
  description: "Shows a customer: health, people, open deals, last contact and open tasks.",
  uri: "ui://crm/customer-card",
  scope: "crm:read",
  html: card.html,
});
