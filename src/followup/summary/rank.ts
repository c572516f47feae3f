import { breathe } from './pace.js'
import type { Sentence } from './sentences.js'

/** Every sentence is compared with every other of its window, so a window is bounded and long meetings are reduced in rounds. */
const WINDOW = 100
const KEEP_PER_WINDOW = 10
/** of a transcript with more sentences, every n-th is looked at */
const MAX_SENTENCES = 50_000
const DAMPING = 0.85
const MAX_ITERATIONS = 40
const CONVERGED = 1e-6
/** how much being central counts against saying something new */
const RELEVANCE = 0.7
/** shorter sentences say little by themselves */
const FULL_LENGTH = 6

type Vector = ReadonlyMap<string, number>

/**
 * Chooses sentences that say what the others say, and do not say the same thing: LexRank for what is central,
 * maximal marginal relevance against repetition. Deterministic; the order is that of the input.
 * Sources: Erkan and Radev, "LexRank" (2004); Carbonell and Goldstein, "The Use of MMR" (1998)
 */
export async function mostCentral(sentences: readonly Sentence[], count: number): Promise<Sentence[]> {
  let left = sampled(sentences)
  while (left.length > WINDOW) {
    const kept: Sentence[] = []
    for (let from = 0; from < left.length; from += WINDOW) {
      kept.push(...choose(left.slice(from, from + WINDOW), KEEP_PER_WINDOW))
      await breathe()
    }
    left = kept
  }
  return choose(left, count)
}

function sampled(sentences: readonly Sentence[]): Sentence[] {
  const step = Math.ceil(sentences.length / MAX_SENTENCES)
  return step <= 1 ? [...sentences] : sentences.filter((_, index) => index % step === 0)
}

function choose(window: readonly Sentence[], count: number): Sentence[] {
  if (window.length <= count) return [...window]
  const vectors = vectorsOf(window)
  const similar = similarities(vectors)
  const ranks = lexRank(similar).map((rank, index) => rank * Math.min(1, (window[index]?.content.length ?? 0) / FULL_LENGTH))
  const highest = Math.max(...ranks) || 1
  const chosen: number[] = []
  while (chosen.length < count) {
    let best = -1
    let bestScore = -Infinity
    for (let index = 0; index < window.length; index++) {
      if (chosen.includes(index)) continue
      const repeats = chosen.reduce((most, other) => Math.max(most, similar[index]?.[other] ?? 0), 0)
      const score = (RELEVANCE * (ranks[index] ?? 0)) / highest - (1 - RELEVANCE) * repeats
      if (score > bestScore) [best, bestScore] = [index, score]
    }
    chosen.push(best)
  }
  return chosen.sort((a, b) => a - b).flatMap((index) => window[index] ?? [])
}

/** Term frequency times inverse document frequency, of unit length. */
function vectorsOf(window: readonly Sentence[]): Vector[] {
  const documents = new Map<string, number>()
  for (const { content } of window) for (const word of new Set(content)) documents.set(word, (documents.get(word) ?? 0) + 1)
  return window.map(({ content }) => {
    const vector = new Map<string, number>()
    for (const word of content) vector.set(word, (vector.get(word) ?? 0) + Math.log(1 + window.length / (documents.get(word) ?? 1)))
    const length = Math.hypot(...vector.values()) || 1
    for (const [word, weight] of vector) vector.set(word, weight / length)
    return vector
  })
}

function similarities(vectors: readonly Vector[]): number[][] {
  const rows = vectors.map(() => Array.from({ length: vectors.length }, () => 0))
  for (const [i, a] of vectors.entries()) {
    for (let j = 0; j < i; j++) {
      const value = cosine(a, vectors[j] ?? a)
      const [row, column] = [rows[i], rows[j]]
      if (row && column) row[j] = column[i] = value
    }
  }
  return rows
}

function cosine(a: Vector, b: Vector): number {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a]
  let sum = 0
  for (const [word, weight] of small) sum += weight * (large.get(word) ?? 0)
  return sum
}

function lexRank(similar: readonly (readonly number[])[]): number[] {
  const size = similar.length
  const totals = similar.map((row) => row.reduce((sum, value) => sum + value, 0))
  let ranks = Array.from({ length: size }, () => 1 / size)
  for (let round = 0; round < MAX_ITERATIONS; round++) {
    const next = Array.from({ length: size }, () => (1 - DAMPING) / size)
    for (const [from, row] of similar.entries()) {
      const total = totals[from] ?? 0
      if (total === 0) continue
      const share = (DAMPING * (ranks[from] ?? 0)) / total
      for (const [to, value] of row.entries()) next[to] = (next[to] ?? 0) + share * value
    }
    const moved = next.reduce((sum, rank, index) => sum + Math.abs(rank - (ranks[index] ?? 0)), 0)
    ranks = next
    if (moved < CONVERGED) break
  }
  return ranks
}
