import { join } from 'node:path'
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { DECODER_FILE, ENCODER_FILE } from './weights.js'

const RATE = 16_000
const LAYERS = 6
const HEADS = 8
const HEAD_SIZE = 36
const BEGIN = 1
const END = 2
/** ids from here on are the model's own signs, not text */
const TEXT_TOKENS = 32_000
/** people say at most this many tokens a second: a bound against a decoder that repeats itself */
const TOKENS_PER_SEC = 6.5
const EXTRA_TOKENS = 4
/** the encoder's strides need a few hundred ms: what is shorter is padded with silence */
const MIN_SAMPLES = RATE / 2

/** What was understood. */
export interface Recognition {
  /** cased and punctuated; empty when nothing was said */
  readonly text: string
  /** of each word of the text (split at spaces), 0-1: geometric mean of its tokens' probabilities */
  readonly confidences: readonly number[]
  /** the decoder had to be stopped: it was repeating itself */
  readonly runaway: boolean
}

/** Moonshine tiny on onnxruntime. Calls block their thread: worker threads only. */
export interface Recogniser {
  /** @param samples s16 at 16 kHz, one segment of at most about 15 s */
  recognise(samples: Int16Array): Promise<Recognition>
  release(): Promise<void>
}

type Tensors = Record<string, Tensor>

/**
 * Loads the weights (0.5 s, 210 MB). Both packages are optional ones: the import fails where they are not installed.
 * Source: the model's ONNX graphs: inputs and outputs by name; token 1 begins, 2 ends.
 */
export async function loadRecogniser(weightsDir: string): Promise<Recogniser> {
  const { default: ort } = await import('onnxruntime-node')
  const { default: tokenizer } = await import('llama-tokenizer-js')
  const options: InferenceSession.SessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1 }
  const encoder = await ort.InferenceSession.create(join(weightsDir, ENCODER_FILE), options)
  const decoder = await ort.InferenceSession.create(join(weightsDir, DECODER_FILE), options)

  const encode = async (samples: Int16Array): Promise<Tensor> => {
    const input = new Float32Array(Math.max(samples.length, MIN_SAMPLES))
    for (let at = 0; at < samples.length; at++) input[at] = samples[at]! / 32_768
    const { last_hidden_state: states } = await encoder.run({ input_values: new ort.Tensor('float32', input, [1, input.length]) })
    if (!states) throw new Error('the encoder gave no states')
    return states
  }

  const emptyCache = (): Tensors => {
    const cache: Tensors = {}
    for (const part of cacheParts(['decoder', 'encoder'])) {
      cache[`past_key_values.${part}`] = new ort.Tensor('float32', new Float32Array(0), [0, HEADS, 1, HEAD_SIZE])
    }
    return cache
  }

  const recognise = async (samples: Int16Array): Promise<Recognition> => {
    const states = await encode(samples)
    const cache = emptyCache()
    const limit = Math.ceil((samples.length / RATE) * TOKENS_PER_SEC) + EXTRA_TOKENS
    const tokens: number[] = []
    const logProbabilities: number[] = []
    let token = BEGIN
    for (let step = 0; step < limit; step++) {
      const output = await decoder.run({
        input_ids: new ort.Tensor('int64', BigInt64Array.of(BigInt(token)), [1, 1]),
        encoder_hidden_states: states,
        use_cache_branch: new ort.Tensor('bool', Uint8Array.of(step === 0 ? 0 : 1), [1]),
        ...cache,
      })
      const best = likeliest(output['logits']!.data as Float32Array)
      token = best.token
      if (token === END) break
      tokens.push(token)
      logProbabilities.push(best.logProbability)
      // what the decoder sees of the encoder does not change: it is kept from the first step
      for (const part of cacheParts(step === 0 ? ['decoder', 'encoder'] : ['decoder'])) {
        cache[`past_key_values.${part}`] = output[`present.${part}`]!
      }
    }
    const known = tokens.filter((id) => id < TEXT_TOKENS)
    const text = tokenizer.decode(known, false, false).trim()
    const pieces = tokens.map((id) => tokenizer.vocabById[id] ?? '')
    return { text, confidences: wordConfidences(text, pieces, logProbabilities), runaway: token !== END }
  }

  return {
    recognise,
    release: async () => {
      await encoder.release()
      await decoder.release()
    },
  }
}

function cacheParts(sides: readonly string[]): string[] {
  return Array.from({ length: LAYERS }, (_, layer) => sides.flatMap((side) => [`${layer}.${side}.key`, `${layer}.${side}.value`])).flat()
}

function likeliest(logits: Float32Array): { token: number; logProbability: number } {
  let token = 0
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[token]!) token = id
  const top = logits[token]!
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - top)
  return { token, logProbability: -Math.log(sum) }
}

/** One confidence a word: a piece that begins with the sign for a space begins a word. */
export function wordConfidences(text: string, pieces: readonly string[], logProbabilities: readonly number[]): number[] {
  const words = text === '' ? [] : text.split(/\s+/)
  const groups: number[][] = []
  for (const [at, piece] of pieces.entries()) {
    const group = groups.at(-1)
    if (!group || piece.startsWith('\u2581')) groups.push([logProbabilities[at] ?? 0])
    else group.push(logProbabilities[at] ?? 0)
  }
  // pieces that make no word of their own (bytes, lone spaces) can upset the count: then all share the mean
  if (groups.length !== words.length) return words.map(() => geometricMean(logProbabilities))
  return groups.map(geometricMean)
}

const geometricMean = (logs: readonly number[]): number =>
  logs.length === 0 ? 0 : Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length)
