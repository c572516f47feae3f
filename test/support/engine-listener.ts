import type { EngineEvents, EngineTranscript } from '../../src/speech-server/engine/port.js'

/** Notes everything that an engine session reports. */
export class EngineListener implements EngineEvents {
  readonly starts: { channel: number; timeSec: number }[] = []
  readonly ends: { channel: number; timeSec: number }[] = []
  readonly transcripts: EngineTranscript[] = []
  readonly failures: Error[] = []
  /** names of what came, in order */
  readonly order: string[] = []
  #onTranscript: ((transcript: EngineTranscript) => void) | undefined

  speechStart(channel: number, timeSec: number): void {
    this.starts.push({ channel, timeSec })
    this.order.push(`start ${channel}`)
  }

  speechEnd(channel: number, timeSec: number): void {
    this.ends.push({ channel, timeSec })
    this.order.push(`end ${channel}`)
  }

  transcript(transcript: EngineTranscript): void {
    this.transcripts.push(transcript)
    this.order.push(`${transcript.isFinal ? 'final' : 'partial'} ${transcript.channel}`)
    this.#onTranscript?.(transcript)
  }

  failed(error: Error): void {
    this.failures.push(error)
    this.order.push('failed')
  }

  /** calls `run` at each transcript */
  onTranscript(run: (transcript: EngineTranscript) => void): void {
    this.#onTranscript = run
  }

  /** finals of one channel, in the order of their start */
  finals(channel?: number): EngineTranscript[] {
    return this.transcripts
      .filter((transcript) => transcript.isFinal && (channel === undefined || transcript.channel === channel))
      .sort((a, b) => a.startSec - b.startSec)
  }

  partials(): EngineTranscript[] {
    return this.transcripts.filter((transcript) => !transcript.isFinal)
  }
}

/** Interleaves channels of one length or shorter (the rest is silence). */
export function interleaved(...channels: readonly Int16Array[]): Int16Array<ArrayBuffer> {
  const frames = Math.max(...channels.map((channel) => channel.length))
  const out = new Int16Array(frames * channels.length)
  for (const [at, channel] of channels.entries()) {
    for (let frame = 0; frame < channel.length; frame++) out[frame * channels.length + at] = channel[frame] ?? 0
  }
  return out
}
