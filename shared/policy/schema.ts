import { z } from "zod";
import { alertsSection } from "./alerts.ts";
import { findArgumentReaders, requirementSchema } from "./conditions/kinds.ts";
import { EVERY_RIGHT, RIGHT_NAMES } from "./console.ts";
import { EXPRESSION_LIMIT } from "./expression.ts";
import { informationFlowSection } from "./flow/information-flow.ts";
import { useFields } from "./flow/uses.ts";
import { retentionSection } from "./retention.ts";
import { signInSection } from "./sign-in/sign-in.ts";

const ruleName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,63}$/, "must be lower-case words joined by hyphens, at most 64 characters");

const glob = z
  .string()
  .regex(/^[A-Za-z0-9_*-]{1,64}$/, "must be a name of letters, digits, _ and -, with * for any run of them");

const globs = (what: string) => z.array(glob).max(1_000).describe(`${what} \`*\` stands for any characters.`);

const condition = z
  .strictObject({
    name: ruleName.describe("Shown as the deciding rule; unique within its role."),
    tools: globs("The tools it is about.").min(1).optional(),
    resources: globs("The resources it is about.").min(1).optional(),
    prompts: globs("The prompts it is about.").min(1).optional(),
    events: globs("The events it is about.").min(1).optional(),
    ...useFields,
    require: requirementSchema.describe("All of these must hold, or the call is refused."),
    message: z
      .string()
      .min(1)
      .max(300)
      .describe("What the model and the person are told when the call is refused."),
  })
  .refine(
    ({ tools, resources, prompts, events }) => (tools ?? resources ?? prompts ?? events) !== undefined,
    {
      message: "must say which tools, resources, prompts or events it is about",
    },
  )
  .refine(
    ({ resources, prompts, events, require }) =>
      (resources ?? prompts ?? events) === undefined || findArgumentReaders(require).length === 0,
    {
      path: ["require", "expression"],
      message:
        "looks at the arguments of tools; put resources, prompts and events into a condition of their own",
    },
  );

const approval = z.union([
  glob,
  z.strictObject({
    name: ruleName.describe("Shown as the deciding rule; unique among the approvals of its role."),
    tools: globs("The tools it is about.").min(1),
    ...useFields,
    when: z
      .strictObject({
        expression: z
          .string()
          .min(1)
          .max(EXPRESSION_LIMIT)
          .describe(
            "CEL. Requires approval only if it is true; an error counts as true. Same variables as in conditions.",
          ),
      })
      .optional()
      .describe("Which calls of these tools; every one when left out."),
    message: z
      .string()
      .min(1)
      .max(300)
      .describe("Why the call needs an approval; shown to the requester and the approver."),
    self_approval: z
      .boolean()
      .optional()
      .describe("Whether the person whose app calls may approve it, after a fresh sign-in. Default: no."),
    expires_minutes: z
      .int()
      .min(1)
      .max(1_440)
      .optional()
      .describe("Minutes until an unused request ends. Default: 60."),
    standing: z
      .strictObject({
        calls: z.int().min(1).max(1_000).describe("Most calls that one of them approves."),
        days: z.int().min(1).max(90).describe("Most days that one of them lasts."),
      })
      .optional()
      .describe("Whether an approver may approve further calls with like arguments in advance. Default: no."),
  }),
]);

const count = z.int().min(1).max(1_000_000_000);

const limits = z.strictObject({
  calls_per_client: count.describe("Calls of one app within any minute."),
  calls_per_costly_tool: count.describe("Calls of one costly tool within any minute, from all apps."),
  calls_per_user: count.describe("Calls of all of the person's apps together within any minute."),
  concurrent_calls: count.describe("Calls of one person that run at the same time."),
  units_per_day: count.describe("Units that all calls of one UTC day may use."),
  costly_units: count.describe("Units that a call of a costly tool uses; every other call uses 1."),
  event_subscriptions: count
    .optional()
    .describe("Subscriptions to events of one person's apps. Default: 50."),
  event_deliveries_per_minute: count
    .optional()
    .describe("Deliveries of events to one person's receivers within a minute. Default: 600."),
});

const toolLimit = z.strictObject({
  calls_per_minute: count.describe("Calls within any minute, of all users together."),
});

const toolName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be the full name of a tool, of letters, digits, _ and -");

const treatment = z.enum(["show", "mask", "drop"]);

const mask = z.strictObject({
  public: treatment,
  internal: treatment,
  pii: treatment.describe("Fields with personal data, for example an e-mail address."),
  secret: treatment.describe("Keys, tokens and passwords."),
  text: z
    .array(z.enum(["pii", "secret"]))
    .max(2)
    .describe("Kinds of data that are masked inside free text."),
});

const role = z.strictObject({
  description: z.string().min(1).max(300).describe("One plain sentence about who has this role."),
  scopes: z
    .array(
      z.string().regex(/^[a-z0-9:*]{1,64}$/, "must be a scope such as crm:read, with * for any characters"),
    )
    .max(100)
    .describe("Scopes a token of this role may carry; the consent page offers only these."),
  allowed_tools: globs("Tools the role may call; all others are denied."),
  denied_tools: globs("Tools the role may not call, whatever allows them.").optional(),
  allowed_resources: globs("Resources the role may read, by name."),
  denied_resources: globs("Resources the role may not read.").optional(),
  allowed_prompts: globs("Prompts the role may use."),
  denied_prompts: globs("Prompts the role may not use.").optional(),
  allowed_events: globs("Events the role may subscribe to. None when left out.").optional(),
  denied_events: globs("Events the role may not subscribe to.").optional(),
  conditions: z.array(condition).max(1_000).optional().describe("What calls of allowed tools must fulfil."),
  require_approval: z
    .array(approval)
    .max(1_000)
    .optional()
    .describe("Calls that a person has to approve one by one: names of tools, or rules that say more."),
  mfa: z
    .enum(["optional", "required"])
    .optional()
    .describe(
      "`required`: apps are connected, and calls approved and made, with a second factor only. Default: optional.",
    ),
  approves: globs("Tools whose calls people of this role may approve for others.").optional(),
  console: z
    .array(z.enum([...RIGHT_NAMES, EVERY_RIGHT]))
    .max(100)
    .optional()
    .describe("Pages of the console that people of this role may use; `*` for all. None when left out."),
  limits: limits
    .partial()
    .optional()
    .describe("Limits of this role where they differ from those of everyone."),
  mask: mask.describe("How classified data is shown: as it is, masked (`j•••@acme.com`), or dropped."),
});

/** A policy as its author writes it in `policy.yaml`. Unknown fields are errors. */
export const policyDocument = z
  .strictObject({
    default_role: ruleName.describe("The role of a user without one."),
    limits: limits.describe("Limits of one user's apps."),
    tool_limits: z
      .record(toolName, toolLimit)
      .optional()
      .describe("Limits of single tools for all users together, by the tool's full name."),
    roles: z
      .record(ruleName, role)
      .describe("Every role by its name. A role that is not here may do nothing."),
    retention: retentionSection,
    information_flow: informationFlowSection,
    alerts: alertsSection,
    sign_in: signInSection.optional(),
    publish: z
      .enum(["one_person", "two_people"])
      .optional()
      .describe("How many people it takes to publish in the console. Default: one_person."),
  })
  .superRefine((policy, context) => {
    if (!Object.hasOwn(policy.roles, policy.default_role)) {
      context.addIssue({ code: "custom", path: ["default_role"], message: "names no role of this policy" });
    }
    const { providers = {}, provisioning } = policy.sign_in ?? {};
    const givers = [
      ...Object.entries(providers).map(([name, { roles }]) => ({ place: ["providers", name], roles })),
      ...(provisioning ? [{ place: ["provisioning"], roles: provisioning.roles }] : []),
    ];
    for (const { place, roles } of givers) {
      for (const [index, { role: given }] of roles.entries()) {
        if (Object.hasOwn(policy.roles, given)) continue;
        const path = ["sign_in", ...place, "roles", index, "role"];
        context.addIssue({ code: "custom", path, message: `"${given}" is no role of this policy` });
      }
    }
    for (const [name, { conditions = [], require_approval: approvals = [] }] of Object.entries(
      policy.roles,
    )) {
      for (const [index, rule] of approvals.entries()) {
        if (typeof rule === "string") continue;
        const isSame = (other: typeof rule | string) => typeof other !== "string" && other.name === rule.name;
        if (approvals.findIndex(isSame) === index) continue;
        const path = ["roles", name, "require_approval", index, "name"];
        context.addIssue({ code: "custom", path, message: `"${rule.name}" is already a rule of this role` });
      }
      for (const [index, { name: rule }] of conditions.entries()) {
        if (conditions.findIndex((other) => other.name === rule) === index) continue;
        const path = ["roles", name, "conditions", index, "name"];
        context.addIssue({ code: "custom", path, message: `"${rule}" is already a condition of this role` });
      }
    }
  });

/** A parsed policy. */
export type PolicyDocument = z.output<typeof policyDocument>;
/** Limits of one user's apps, as the policy writes them. */
export type LimitsDocument = PolicyDocument["limits"];
/** One role of a {@link PolicyDocument}. */
export type RoleDocument = PolicyDocument["roles"][string];
/** One condition of a role. */
export type ConditionDocument = NonNullable<RoleDocument["conditions"]>[number];
/** One entry of a role's `require_approval`. */
export type ApprovalDocument = NonNullable<RoleDocument["require_approval"]>[number];
