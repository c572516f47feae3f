import { describe, expect, test } from 'vitest'
import { VoiceSegmenter } from '../../../../../src/speech-server/engine/voice/segmenter.js'
import type { FrameDetector, SegmenterEvent, VoiceSegment } from '../../../../../src/speech-server/engine/voice/segmenter.js'
import { concat, silence } from '../../../../support/marks-audio.js'

/** Calls voice what is not zero. */
class LoudnessDetector implements FrameDetector {
  isVoice(frame: Int16Array): boolean {
    return frame[0] !== 0
  }

  close(): void {
    return undefined
  }
}

const voice = (seconds: number, level = 1000) => silence(seconds).fill(level)
const segmenter = (maxUtteranceSec = 15) => new VoiceSegmenter(new LoudnessDetector(), { endpointingSec: 0.3, maxUtteranceSec })
const ended = (events: readonly SegmenterEvent[]): VoiceSegment[] =>
  events.flatMap((event) => (event.kind === 'end' ? [event.segment] : []))

describe('voice segmenter', () => {
  test('V1 V2 a segment has its lead and tail, and the times of its voice', () => {
    const [segment, ...more] = ended(segmenter().push(concat(silence(2), voice(1), silence(1))))
    expect(more).toEqual([])
    expect(segment).toMatchObject({ startSec: 2, endSec: 3, audioStartSec: expect.closeTo(1.7) as number, voicedSec: 1 })
    expect(segment!.audio.length).toBe(1.6 * 16_000)
  })

  test('V2 a pause shorter than the limit does not end it, and finish does', () => {
    const cut = segmenter()
    expect(ended(cut.push(concat(voice(0.5), silence(0.26), voice(0.5), silence(0.1))))).toEqual([])
    expect(ended(cut.finish())).toMatchObject([{ startSec: 0, endSec: 1.26 }])
  })

  test('80 ms of voice is no speech', () => {
    const cut = segmenter()
    expect([...cut.push(concat(silence(0.5), voice(0.08), silence(0.5))), ...cut.finish()]).toEqual([])
  })

  test('V3 V4 long speech is cut at its quietest point, each sample in exactly one segment', () => {
    const samples = concat(voice(2.5), voice(0.1, 10), voice(3))
    const cut = segmenter(3)
    const segments = [...ended(cut.push(samples)), ...ended(cut.finish())]
    expect(segments[0]!.endSec).toBeGreaterThanOrEqual(2.5)
    expect(segments[0]!.endSec).toBeLessThanOrEqual(2.6)
    expect(segments[1]!.startSec).toBe(segments[0]!.endSec)
    for (const segment of segments) expect(segment.endSec - segment.startSec).toBeLessThanOrEqual(3)
    expect(concat(...segments.map(({ audio }) => audio))).toEqual(samples)
  })
})
