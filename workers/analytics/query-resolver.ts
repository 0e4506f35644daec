import { ToolError } from "../../shared/call/tool-error.ts";
import { DIMENSIONS, type DimensionName, MEMBER_SYNONYMS } from "./dimensions.ts";
import { FACTS, type FactName } from "./facts.ts";
import type { Grain } from "./grains.ts";
import { factOf } from "./metrics.ts";
import { type Named, type Resolution, resolveName } from "./names.ts";
import { METRICS, type Metric } from "./semantic-layer.ts";
import type { Filter } from "./store/base.ts";
import type { AnalyticsStore } from "./store.ts";
import { parseZone } from "./zones.ts";

/** Filters as callers write them: one member or several; `!` before a member excludes it. */
export type FilterInput = Readonly<Record<string, string | readonly string[]>>;

/** Values one filter may list. */
const MAX_MEMBERS = 100;

/** Words that mean "no filter", so that a session default can be lifted for one call. */
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
 * Reads the names in a question and collects what the answer should say about how they were read. One is made for each call.
 */
export class QueryResolver {
  /** How names were read and what was left out, for the answer. */
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

  /** The dimensions that the fact has. Throws `invalid_input` naming those it has. */
  dimensions(names: readonly string[], fact: FactName): DimensionName[] {
    return [...new Set(names.map((name) => this.#dimension(name, fact)))];
  }

  /** The grain, if the fact can be cut so. Throws `invalid_input`. */
  grain(grain: Grain, fact: FactName): Grain {
    const { grains } = FACTS[fact];
    if (!(grains as readonly Grain[]).includes(grain)) {
      throw new ToolError("invalid_input", `This data has no ${grain}.`, {
        suggestedAction: `Use one of: ${grains.join(", ")}.`,
      });
    }
    return grain;
  }

  /** The time zone, `undefined` for UTC; where a fact only knows months it is left out with a note. Throws `invalid_input`. */
  zone(name: string | undefined, fact: FactName): string | undefined {
    const zone = parseZone(name);
    if (zone === undefined || (FACTS[fact].grains as readonly Grain[]).includes("day")) return zone;
    this.notes.push("This data is by month: the time zone was left out.");
    return undefined;
  }

  /**
   * The filters, with their members checked against the known ones. `region` and `segment` come from the session as well, so
   * where a fact does not have them they are left out with a note; other unknown dimensions are refused.
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
    // Customers are too many to list; an unknown one simply finds nothing.
    if (dimension === "customer") return [...wanted];
    const known = await this.#store.listMembers(dimension);
    const named = known.map((member) => toNamed(member, MEMBER_SYNONYMS[member] ?? []));
    const action = `Known: ${known.slice(0, 30).join(", ")}${known.length > 30 ? ", …" : ""}.`;
    return wanted.map((member) =>
      this.#read(member, resolveName(member, named), dimension, (found) => found, action),
    );
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
