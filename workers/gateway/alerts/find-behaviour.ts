import type { AlertRules } from "../../../shared/policy/alerts.ts";
import type { FoundAlert } from "./find-alerts.ts";

/** A person or app, by id, and a number. */
export interface Counted {
  member: string;
  count: number;
}

/** What people and apps do. Each list has who may be above a threshold. */
export interface BehaviourFacts {
  /** Denials in a row, by person. */
  denials: readonly Counted[];
  /** Calls of this hour, with the busiest hour of the days before; `null` without one. */
  volumes: readonly (Counted & { dimension: "person" | "app"; busiest: number | null })[];
  /** Tools called for the first time within an hour, by person with a longer history. */
  newTools: readonly Counted[];
  /** Countries called from for the first time within a day, by person or app with a longer history. */
  newCountries: readonly (Counted & { dimension: "person" | "app" })[];
}

/** What is unusual about a person's or app's calls. Pure. */
export function findBehaviour(facts: BehaviourFacts, rules: AlertRules): FoundAlert[] {
  const above = (counted: readonly Counted[], least: number) => counted.filter(({ count }) => count >= least);
  return [
    ...above(facts.denials, rules.denials_in_row).map(({ member, count }): FoundAlert => {
      return {
        kind: "denials_in_row",
        subject: member,
        text:
          count === 1
            ? "A call of one person was denied."
            : `${count} calls of one person were denied one after the other.`,
      };
    }),
    ...facts.volumes.flatMap(({ dimension, member, count, busiest }): FoundAlert[] => {
      // Without an hour before there is nothing to compare with.
      if (busiest === null || count < rules.volume_calls || count < rules.volume_times * busiest) return [];
      const text = `One ${dimension} made ${count} calls in this hour, and at most ${busiest} in an hour of the last 7 days.`;
      return [{ kind: "volume", subject: `${dimension} ${member}`, text }];
    }),
    ...facts.newCountries
      .filter(({ count }) => count >= rules.new_countries)
      .map(({ dimension, member, count }): FoundAlert => {
        const places = count === 1 ? "a country" : `${count} countries`;
        return {
          kind: "new_country",
          subject: `${dimension} ${member}`,
          text: `One ${dimension} called from ${places} for the first time.`,
        };
      }),
    ...above(facts.newTools, rules.new_tools).map(({ member, count }): FoundAlert => {
      return {
        kind: "new_tools",
        subject: member,
        text: `One person called ${count === 1 ? "a tool" : `${count} tools`} for the first time within an hour.`,
      };
    }),
  ];
}
