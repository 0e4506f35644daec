import path from "node:path";
import { type RankingWeights, WEIGHTS } from "../../../workers/knowledge/search/ranking-weights.ts";
import { chooseWeights, STEPS, worthOf } from "./choose-weights.ts";
import { loadDocumentation } from "./documentation.ts";
import { PreparedCollection } from "./prepared-collection.ts";
import { loadStandardCollection } from "./standard-collection.ts";

interface Fold {
  left: PreparedCollection;
  chosen: RankingWeights;
}

/**
 * For each collection, weights are chosen on the other ones ({@link chooseWeights}) and measured on that one, as plain
 * BM25 is. Prints these figures, what each step is worth on the collections left out, what is chosen on all of them, and
 * how the product's weights do. Progress goes to stderr.
 */
export async function reportLeaveOneOut(folders: readonly string[]): Promise<void> {
  const collections: PreparedCollection[] = [];
  for (const folder of folders) {
    report(`reading ${path.basename(folder)}`);
    collections.push(
      await PreparedCollection.prepare(path.basename(folder), (db) => loadStandardCollection(db, folder)),
    );
  }
  const folds: Fold[] = [];
  for (const left of collections) {
    const others = collections.filter((collection) => collection !== left);
    folds.push({
      left,
      chosen: await chooseWeights(others, (text) => report(`without ${left.name}, ${text}`)),
    });
  }
  await printFolds(folds);
  await printSteps(folds);
  const all = await chooseWeights(collections, (text) => report(`on all, ${text}`));
  console.log(`\nchosen on all: ${JSON.stringify(all)}`);
  await printWeights("product's weights", collections, WEIGHTS);
  await printWeights("chosen on all", collections, all);
  report("reading the documentation");
  const documentation = await PreparedCollection.prepare("documentation", loadDocumentation);
  for (const [title, weights] of [
    ["product's weights", WEIGHTS],
    ["chosen on all", all],
  ] as const) {
    const { ndcg, recall } = await documentation.measure(weights);
    console.log(`documentation, ${title}: nDCG@10 ${ndcg.toFixed(4)}, recall@20 ${recall.toFixed(4)}`);
  }
}

async function printFolds(folds: readonly Fold[]): Promise<void> {
  console.log("left out        nDCG@10  plain   ratio   recall@20  plain   ratio   chosen on the others");
  const sums = { ndcg: 0, recall: 0 };
  for (const { left, chosen } of folds) {
    const found = await left.measure(chosen);
    sums.ndcg += found.ndcg / left.plain.ndcg;
    sums.recall += found.recall / left.plain.recall;
    const ratios = `${formatRatio(found.ndcg, left.plain.ndcg)}   ${formatRatio(found.recall, left.plain.recall)}`;
    console.log(`${left.name.padEnd(15)} ${ratios}   ${describe(chosen)}`);
  }
  const [ndcg, recall] = [sums.ndcg, sums.recall].map((sum) => (sum / folds.length).toFixed(3));
  console.log(`mean                             ${ndcg}                      ${recall}`);
}

/** A step is kept if it gains on collections that it was not chosen on. */
async function printSteps(folds: readonly Fold[]): Promise<void> {
  console.log("\nwhat a step adds to the mean of both ratios, on the collection left out");
  for (const { title, leaveOut } of STEPS) {
    const gains: number[] = [];
    for (const { left, chosen } of folds) {
      gains.push((await worthOf([left], chosen)) - (await worthOf([left], leaveOut(chosen))));
    }
    const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
    const each = gains.map((gain, index) => `${folds[index]?.left.name} ${formatGain(gain)}`).join(", ");
    console.log(`${title.padEnd(20)} ${formatGain(mean)}   ${each}`);
  }
}

async function printWeights(
  title: string,
  collections: readonly PreparedCollection[],
  weights: RankingWeights,
): Promise<void> {
  console.log(`\n${title}: mean of both ratios ${(await worthOf(collections, weights)).toFixed(3)}`);
  for (const collection of collections) {
    const { ndcg, recall } = await collection.measure(weights);
    const ratios = `${formatRatio(ndcg, collection.plain.ndcg)}   ${formatRatio(recall, collection.plain.recall)}`;
    console.log(`${collection.name.padEnd(15)} ${ratios}`);
  }
}

function describe({ k1, b, fields, repetition, feedback, neighbours }: RankingWeights): string {
  const { questionShare, passages, terms, pseudoLength, temperature } = feedback;
  const expansion =
    questionShare === 1
      ? "no feedback"
      : `feedback ${questionShare} of ${passages}/${terms}/${pseudoLength}/${temperature}`;
  const similar =
    neighbours.share === 0 ? "no similar ones" : `similar ${neighbours.share} of ${neighbours.count}`;
  return `k1 ${k1}, b ${b}, title ${fields.title}, repetition ${repetition}, ${expansion}, ${similar}`;
}

function formatRatio(found: number, plain: number): string {
  return `${found.toFixed(4)}   ${plain.toFixed(4)}  ${(found / plain).toFixed(3)}`;
}

function formatGain(gain: number): string {
  return `${gain < 0 ? "−" : "+"}${Math.abs(gain).toFixed(3)}`;
}

function report(text: string): void {
  process.stderr.write(`${text}\n`);
}
