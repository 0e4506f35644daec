import type { ActivityRow } from "../../../workers/crm/store/activities.ts";

/** Texts of the sales team. Short on purpose, as in a real CRM. */

export const INDUSTRIES = [
  "Manufacturing",
  "Software",
  "Logistics",
  "Retail",
  "Healthcare",
  "Financial services",
  "Energy",
  "Construction",
  "Food and beverage",
  "Education",
  "Media",
  "Public sector",
] as const;

export const TITLES = [
  "Chief Executive Officer",
  "Chief Financial Officer",
  "Chief Technology Officer",
  "Head of Purchasing",
  "Head of Operations",
  "Head of Marketing",
  "IT Manager",
  "Data Protection Officer",
  "Project Manager",
  "Buyer",
  "Team Lead Analytics",
  "Office Manager",
  "Plant Manager",
  "Controller",
  "Software Engineer",
] as const;

export const PRODUCTS = [
  "Platform licence",
  "Platform renewal",
  "Analytics add-on",
  "Pilot project",
  "Company-wide rollout",
  "Support contract",
  "Migration",
  "Training package",
] as const;

export const LOSS_REASONS = [
  "Too expensive",
  "Went with a competitor",
  "No budget this year",
  "Project was stopped",
  "No answer for two months",
  "Builds it in-house",
] as const;

export const TASK_TITLES = [
  "Send the revised offer",
  "Call about the open questions",
  "Arrange a demo with the technical team",
  "Clarify who signs",
  "Send the security questionnaire",
  "Agree on a start date",
  "Ask for the purchase order",
  "Check in after the trial",
] as const;

export const SUBJECTS: Readonly<Record<ActivityRow["kind"], readonly string[]>> = {
  call: ["Introduction", "Pricing questions", "Follow-up on the offer", "Rollout plan", "Renewal timing"],
  meeting: [
    "Product demo",
    "Requirements workshop",
    "Quarterly review",
    "Contract walkthrough",
    "Site visit",
  ],
  email: ["Offer sent", "Security answers", "Reference customers", "Asked for a decision date", "Minutes"],
  note: [
    "Champion changed roles",
    "Budget decided in spring",
    "Competitor in the talks",
    "Yearly invoices preferred",
  ],
};

export const BODIES = [
  "They want to start with one team and grow from there. Price is fine, timing is not settled.",
  "Main concern is moving the old data. Promised a written plan by the end of next week.",
  "Very positive. Finance joins the next round and will ask about the length of the contract.",
  "Left a message. Try again in the morning.",
  "They compare us with two others. What counts is support in their own time zone.",
  "Decision was moved to next quarter. Keep in touch once a month.",
  "Legal has looked at the contract and wants a shorter notice period.",
] as const;
