/** Field of an empty answer that explains a query without searchable words. */
export function explainNothing(hits: number, searchable: boolean): { nothing_searched?: string } {
  if (hits > 0 || searchable) return {};
  return { nothing_searched: "The query holds no letter or digit. Ask again in words." };
}
