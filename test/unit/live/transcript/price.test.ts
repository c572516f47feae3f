import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asSessionId } from '../../../../src/core/ids.js'
import { billingOf, type MeteredSession } from '../../../../src/live/transcript/price.js'

const session = (id: string, channels: number, sentFrames: number, vendorId: string | null = id): MeteredSession => ({
  sessionId: asSessionId(id),
  vendorId,
  channels,
  sampleRate: 16_000,
  sentFrames,
})

describe('price of a meeting', () => {
  it('is what was sent times channels, a recovery included, beside speech and a channel for each person', () => {
    // 60 s on 2 channels, 120 s on 4, and 2.5 s that a dead session had to be given again
    const sessions = [session('a', 2, 960_000), session('b', 4, 1_920_000), session('again', 2, 40_000)]
    expect(billingOf(sessions, { speechMs: 150_500, presentMs: 1_400_000 })).toEqual({
      channelSec: 605,
      speechSec: 150.5,
      channelEachSec: 1400,
      perSpeechSec: 4.02,
      ofChannelEach: 0.432,
      sessions: [
        { session: 'a', channels: 2, sec: 60, channelSec: 120 },
        { session: 'b', channels: 4, sec: 120, channelSec: 480 },
        { session: 'again', channels: 2, sec: 2.5, channelSec: 5 },
      ],
    })
  })

  it('is nothing for a session that the service never knew, or that took no audio', () => {
    const { channelSec, sessions, perSpeechSec, ofChannelEach } = billingOf([session('a', 4, 100_000, null), session('b', 4, 0)], {
      speechMs: 0,
      presentMs: 0,
    })
    expect({ channelSec, sessions, perSpeechSec, ofChannelEach }).toEqual({
      channelSec: 0,
      sessions: [],
      perSpeechSec: null,
      ofChannelEach: null,
    })
  })

  it('adds up for anybody who sums the sessions in ms', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat(10_000_000)), { maxLength: 12 }), (all) => {
        const billing = billingOf(
          all.map(([channels, frames], at) => session(`s${at}`, channels, frames)),
          { speechMs: 1, presentMs: 1 },
        )
        const inMs = (sec: number) => Math.round(sec * 1000)
        expect(billing.sessions.reduce((sum, one) => sum + inMs(one.channelSec), 0)).toBe(inMs(billing.channelSec))
        for (const one of billing.sessions) expect(inMs(one.channelSec)).toBe(inMs(one.sec) * one.channels)
      }),
    )
  })
})
