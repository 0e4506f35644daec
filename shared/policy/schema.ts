import { z } from "zod";
import { retentionSection } from "./retention.ts";

/** Most characters of one condition's expression. */
const EXPRESSION_LIMIT = 1_000;

const ruleName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,63}$/, "must be lower-case words joined by hyphens, at most 64 characters");

const glob = z
  .string()
  .regex(/^[A-Za-z0-9_*-]{1,64}$/, "must be a name of letters, digits, _ and -, with * for any run of them");

const globs = (what: string) => z.array(glob).max(1_000).describe(`${what} \`*\` stands for any characters.`);

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time of day such as 08:30");

const hours = z
  .strictObject({
    from: clock.describe("First minute, for example 08:00."),
    to: clock.describe("End, not included. Earlier than `from` means: over midnight."),
    time_zone: z
      .string()
      .refine(isTimeZone, "must be an IANA time zone such as Europe/Berlin")
      .describe("IANA time zone."),
    days: z
      .array(z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]))
      .min(1)
      .optional()
      .describe("Days of the week on which the call falls; every day when left out."),
  })
  .describe("The time of day at which the call may happen.");

const requirement = z
  .strictObject({
    expression: z
      .string()
      .min(1)
      .max(EXPRESSION_LIMIT)
      .optional()
      .describe(
        "CEL (cel.dev) that must be true. Knows `args`, `tool`, `effect` and `country`. An error counts as false.",
      ),
    countries: z
      .array(z.string().regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code such as DE"))
      .min(1)
      .max(250)
      .optional()
      .describe("Countries the call may come from. An unknown country is not among them."),
    networks: z
      .array(z.union([z.cidrv4(), z.cidrv6()], "must be a network such as 203.0.113.0/24 or 2001:db8::/32"))
      .min(1)
      .max(250)
      .optional()
      .describe("Networks (CIDR, RFC 4632) the call may come from. An unknown address is in none."),
    hours: hours.optional(),
    mfa_max_age: z
      .int()
      .min(1)
      .max(43_200)
      .optional()
      .describe(
        "Minutes since the person last gave a second factor when they connected the app. Older, or none: refused until they connect it anew with one.",
      ),
  })
  .refine((required) => Object.keys(required).length > 0, "must require something");

const condition = z
  .strictObject({
    name: ruleName.describe("Shown as the deciding rule; unique within its role."),
    tools: globs("The tools it is about.").min(1).optional(),
    resources: globs("The resources it is about.").min(1).optional(),
    prompts: globs("The prompts it is about.").min(1).optional(),
    effects: z
      .array(z.enum(["read", "create", "update", "delete"]))
      .min(1)
      .optional()
      .describe("Only those with these effects; all when left out."),
    require: requirement.describe("Everything named here must hold, or the call is refused."),
    message: z
      .string()
      .min(1)
      .max(300)
      .describe("What the model and the person are told when the call is refused."),
  })
  .refine(({ tools, resources, prompts }) => (tools ?? resources ?? prompts) !== undefined, {
    message: "must say which tools, resources or prompts it is about",
  })
  .refine(
    ({ resources, prompts, require }) =>
      (resources ?? prompts) === undefined || require.expression === undefined,
    {
      path: ["require", "expression"],
      message: "looks at the arguments of tools; put resources and prompts into a condition of their own",
    },
  );

const approval = z.union([
  glob,
  z.strictObject({
    name: ruleName.describe("Shown as the deciding rule; unique among the approvals of its role."),
    tools: globs("The tools it is about.").min(1),
    effects: z
      .array(z.enum(["read", "create", "update", "delete"]))
      .min(1)
      .optional()
      .describe("Only tools with these effects; all when left out."),
    when: z
      .strictObject({
        expression: z
          .string()
          .min(1)
          .max(EXPRESSION_LIMIT)
          .describe("CEL. Asks only when it is true; an error counts as true. Knows what conditions know."),
      })
      .optional()
      .describe("Which calls of these tools; every one when left out."),
    message: z
      .string()
      .min(1)
      .max(300)
      .describe("Why a person has to look, for whoever asks and whoever approves."),
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
  }),
]);

const count = z.int().min(1).max(1_000_000_000);

const limits = z.strictObject({
  calls_per_client: count.describe("Calls of one app within any minute."),
  calls_per_costly_tool: count.describe(
    "Calls of one costly tool within any minute, whichever app makes them.",
  ),
  calls_per_user: count.describe("Calls of all of the person's apps together within any minute."),
  concurrent_calls: count.describe("Calls of one person that run at the same time."),
  units_per_day: count.describe("Units that all calls of one UTC day may use."),
  costly_units: count.describe("Units that a call of a costly tool uses; every other call uses 1."),
});

const toolLimit = z.strictObject({
  calls_per_minute: count.describe("Calls within any minute, of all people together."),
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
    .describe("What is masked where it is found inside of free text."),
});

const role = z.strictObject({
  description: z.string().min(1).max(300).describe("One plain sentence about who has this role."),
  scopes: z
    .array(
      z.string().regex(/^[a-z0-9:*]{1,64}$/, "must be a scope such as crm:read, with * for any characters"),
    )
    .max(100)
    .describe("Scopes a token of this role may carry; the consent page offers only these."),
  allowed_tools: globs("Tools the role may call; what nothing names is denied."),
  denied_tools: globs("Tools the role may not call, whatever allows them.").optional(),
  allowed_resources: globs("Resources the role may read, by name."),
  denied_resources: globs("Resources the role may not read.").optional(),
  allowed_prompts: globs("Prompts the role may use."),
  denied_prompts: globs("Prompts the role may not use.").optional(),
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
  limits: limits
    .partial()
    .optional()
    .describe("Limits of this role where they differ from those of everyone."),
  mask: mask.describe("How classified data is shown: as it is, masked (`j•••@acme.com`), or dropped."),
});

/** A policy as its author writes it in `policy.yaml`. Unknown fields are mistakes. */
export const policyDocument = z
  .strictObject({
    default_role: ruleName.describe("The role of a person who was given none."),
    limits: limits.describe("How much one person's apps may do."),
    tool_limits: z
      .record(toolName, toolLimit)
      .optional()
      .describe("Limits of single tools for everybody together, by the tool's full name."),
    roles: z
      .record(ruleName, role)
      .describe("Every role by its name. A role that is not here may do nothing."),
    retention: retentionSection,
  })
  .superRefine((policy, context) => {
    if (!Object.hasOwn(policy.roles, policy.default_role)) {
      context.addIssue({ code: "custom", path: ["default_role"], message: "names no role of this policy" });
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

/** A policy, parsed. */
export type PolicyDocument = z.output<typeof policyDocument>;
/** How much one person's apps may do, as the policy writes it. */
export type LimitsDocument = PolicyDocument["limits"];
/** One role of a {@link PolicyDocument}. */
export type RoleDocument = PolicyDocument["roles"][string];
/** One condition of a role. */
export type ConditionDocument = NonNullable<RoleDocument["conditions"]>[number];
/** One entry of a role's `require_approval`. */
export type ApprovalDocument = NonNullable<RoleDocument["require_approval"]>[number];
/** A time of day in a time zone, on some days of the week. */
export type HoursDocument = z.output<typeof hours>;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
