import { ToolError } from "../../shared/call/tool-error.ts";
import { DIMENSIONS, type DimensionName, MEMBER_SYNONYMS } from "./dimensions.ts";
import { FACTS, type FactName } from "./facts.ts";
import type { Grain } from "./grains.ts";
import { factOf } from "./metrics.ts";
import { foldName, type Named, type Resolution, resolveName } from "./names.ts";
import { METRICS, type Metric } from "./semantic-layer.ts";
import type { Filter } from "./store/base.ts";
import { MAX_LISTED } from "./store/reference.ts";
import type { AnalyticsStore } from "./store.ts";
import { parseZone } from "./zones.ts";

/** Filters of a caller: one member or several; `!` before a member excludes it. */
export type FilterInput = Readonly<Record<string, string | readonly string[]>>;

/** Maximum number of values per filter. */
const MAX_MEMBERS = 100;

/** Words that mean "no filter", so that one call can override a session default. */
const EVERYTHING = new Set([
  "all",
  "any",
  "every",
  "everything",
  "*",
  "all regions",
  "all segments",
  "worldwide",
  "global",
]);

/**
 * Resolves the names in a query and collects notes on their interpretation for the answer. One instance per
 * call.
 */
export class QueryResolver {
  /** Notes for the answer: how names were read, and which filters were omitted. */
  readonly notes: string[] = [];
  readonly #store: AnalyticsStore;

  constructor(store: AnalyticsStore) {
    this.#store = store;
  }

  /** The metrics by name, synonym or near miss, each once. Throws `invalid_input` with the closest names. */
  metrics(names: readonly string[]): [Metric, ...Metric[]] {
    const found = new Set(names.map((name) => this.metric(name)));
    const [first, ...others] = found;
    if (!first) throw new ToolError("invalid_input", "Name at least one metric.");
    const stranger = others.find((metric) => factOf(metric) !== factOf(first));
    if (stranger) {
      throw new ToolError("invalid_input", `${first.name} and ${stranger.name} come from different data.`, {
        suggestedAction: "Ask for them in two calls.",
      });
    }
    return [first, ...others];
  }

  /** One metric. Throws `invalid_input` with the closest names. */
  metric(name: string): Metric {
    const resolution = resolveName(name, METRIC_NAMES);
    return this.#read(
      name,
      resolution,
      "metric",
      (metric) => metric.name,
      "analytics_list_metrics has them all.",
    );
  }

  /** The named dimensions of the fact. Throws `invalid_input` with the fact's dimensions. */
  dimensions(names: readonly string[], fact: FactName): DimensionName[] {
    return [...new Set(names.map((name) => this.#dimension(name, fact)))];
  }

  /** The grain, if the fact supports it. Throws `invalid_input` otherwise. */
  grain(grain: Grain, fact: FactName): Grain {
    const { grains } = FACTS[fact];
    if (!(grains as readonly Grain[]).includes(grain)) {
      throw new ToolError("invalid_input", `This data has no ${grain}.`, {
        suggestedAction: `Use one of: ${grains.join(", ")}.`,
      });
    }
    return grain;
  }

  /** The time zone, `undefined` for UTC; a fact by month ignores it with a note. Throws `invalid_input`. */
  zone(name: string | undefined, fact: FactName): string | undefined {
    const zone = parseZone(name);
    if (zone === undefined || (FACTS[fact].grains as readonly Grain[]).includes("day")) return zone;
    this.notes.push("This data is by month: the time zone was left out.");
    return undefined;
  }

  /**
   * Checks the filters and their members against known ones. Defaults of the session (`region`, `segment`)
   * that the fact lacks are omitted with a note; other unknown dimensions throw `invalid_input`.
   */
  async filters(
    fact: FactName,
    session: { region?: string | undefined; segment?: string | undefined },
    input: FilterInput = {},
  ): Promise<Filter[]> {
    const filters: Filter[] = [];
    for (const [name, members] of Object.entries(input)) {
      const dimension = this.#dimension(name, fact);
      filters.push(...(await this.#filter(dimension, typeof members === "string" ? [members] : members)));
    }
    for (const [dimension, member] of [
      ["region", session.region],
      ["segment", session.segment],
    ] as const) {
      if (member === undefined || EVERYTHING.has(member.trim().toLowerCase())) continue;
      if (filters.some((filter) => filter.dimension === dimension)) continue;
      if (!(FACTS[fact].dimensions as readonly string[]).includes(dimension)) {
        this.notes.push(`${dimension} does not apply to this data and was left out.`);
        continue;
      }
      filters.push(...(await this.#filter(dimension, [member])));
    }
    return filters;
  }

  #dimension(name: string, fact: FactName): DimensionName {
    const { dimensions } = FACTS[fact];
    const named = dimensions.map((dimension) =>
      toNamed(dimension, DIMENSIONS[dimension as DimensionName].synonyms),
    );
    const action = `Use one of: ${dimensions.join(", ")}.`;
    return this.#read(name, resolveName(name, named), "dimension", (found) => found, action) as DimensionName;
  }

  async #filter(dimension: DimensionName, members: readonly string[]): Promise<Filter[]> {
    if (members.length > MAX_MEMBERS) {
      throw new ToolError(
        "invalid_input",
        `The filter on ${dimension} lists more than ${MAX_MEMBERS} values.`,
      );
    }
    const wanted = members.filter((member) => !EVERYTHING.has(member.trim().toLowerCase()));
    const excluded = wanted.filter((member) => member.startsWith("!"));
    const included = wanted.filter((member) => !member.startsWith("!"));
    const filters: Filter[] = [];
    for (const [list, exclude] of [
      [included, false],
      [excluded, true],
    ] as const) {
      if (list.length === 0) continue;
      const plain = list.map((member) => (exclude ? member.slice(1) : member).trim());
      filters.push({ dimension, members: await this.#members(dimension, plain), exclude });
    }
    return filters;
  }

  async #members(dimension: DimensionName, wanted: readonly string[]): Promise<string[]> {
    // Customers, and possibly members of other dimensions, are too many to list: these are looked up by name.
    const known = dimension === "customer" ? [] : await this.#store.listMembers(dimension);
    const isListed = dimension !== "customer" && known.length < MAX_LISTED;
    const exact = new Set(isListed ? [] : await this.#store.findMembers(dimension, wanted));
    const named = known.map((member) => toNamed(member, MEMBER_SYNONYMS[member] ?? []));
    return Promise.all(
      wanted.map(async (member) => {
        if (exact.has(member)) return member;
        const resolution = resolveName(member, named);
        const action =
          resolution.kind === "unknown" ? await this.#adviseMember(dimension, member, known) : "";
        return this.#read(member, resolution, dimension, (found) => found, action);
      }),
    );
  }

  /** Hint for an unknown member: other dimensions that have it, or the members of this one. */
  async #adviseMember(dimension: DimensionName, word: string, known: readonly string[]): Promise<string> {
    const fact = Object.values(FACTS).find(({ dimensions }) =>
      (dimensions as readonly string[]).includes(dimension),
    );
    for (const other of (fact?.dimensions ?? []) as DimensionName[]) {
      if (other === dimension || other === "customer") continue;
      const members = await this.#store.listMembers(other);
      const member = members.find((name) =>
        [name, ...(MEMBER_SYNONYMS[name] ?? [])].some((spelling) => foldName(spelling) === foldName(word)),
      );
      if (member) return `${member} is a ${other}: use filters {"${other}": "${member}"}.`;
    }
    if (dimension === "customer") return 'analytics_query with the dimension "customer" has the ids.';
    return `Known: ${known.slice(0, 30).join(", ")}${known.length > 30 ? ", …" : ""}.`;
  }

  #read<T>(
    written: string,
    resolution: Resolution<T>,
    kind: string,
    nameOf: (value: T) => string,
    action: string,
  ): T {
    const shown = written.slice(0, 60);
    if (resolution.kind === "unknown") {
      const closest = resolution.closest.length > 0 ? ` Closest: ${resolution.closest.join(", ")}.` : "";
      throw new ToolError("invalid_input", `There is no ${kind} "${shown}".${closest}`, {
        suggestedAction: action,
      });
    }
    if (resolution.kind === "read_as") this.notes.push(`"${shown}" was read as ${nameOf(resolution.value)}.`);
    return resolution.value;
  }
}

const METRIC_NAMES: readonly Named<Metric>[] = METRICS.map((metric) => ({
  name: metric.name,
  others: [metric.title, ...metric.synonyms],
  value: metric,
}));

function toNamed(name: string, others: readonly string[]): Named<string> {
  return { name, others, value: name };
}
