import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { asIdentity, trackKey, type TrackKey } from '../../../../../src/core/ids.js'
import { Leases } from '../../../../../src/live/audio/lease/leases.js'

const key = (name: string) => trackKey(asIdentity(name), 'microphone')
const GUARD = 300

test('L2 L3 the own channel at once, else the one free the longest, silent for the guard; reserved ones are not given', () => {
  const leases = new Leases(2, GUARD)
  expect(leases.take(key('ann'), 0)).toEqual({ kind: 'channel', channel: 0 })
  expect(leases.take(key('bob'), 0, 1)).toEqual({ kind: 'full' })
  expect(leases.take(key('bob'), 0)).toEqual({ kind: 'channel', channel: 1 })
  expect(leases.take(key('cyd'), 0)).toEqual({ kind: 'full' })
  leases.release(1, 100)
  leases.release(0, 200)
  expect(leases.take(key('cyd'), 399)).toEqual({ kind: 'guarded' })
  expect(leases.take(key('cyd'), 400)).toEqual({ kind: 'channel', channel: 1 })
  expect(leases.take(key('ann'), 400)).toEqual({ kind: 'channel', channel: 0 })
  expect([leases.owner(0), leases.owner(1), leases.free]).toEqual([key('ann'), key('cyd'), 0])
})

test('L2 a channel that somebody else had since is guarded against its old owner too', () => {
  const leases = new Leases(1, GUARD)
  leases.take(key('ann'), 0)
  leases.release(0, 100)
  leases.take(key('bob'), 400)
  leases.release(0, 500)
  expect(leases.take(key('ann'), 600)).toEqual({ kind: 'guarded' })
  expect(leases.take(key('bob'), 600)).toEqual({ kind: 'channel', channel: 0 })
})

test('releasing a free channel, or one that is not there, changes nothing', () => {
  const leases = new Leases(1, GUARD)
  leases.take(key('ann'), 0)
  leases.release(0, 100)
  leases.release(0, 350)
  leases.release(7, 0)
  expect(leases.take(key('bob'), 400)).toEqual({ kind: 'channel', channel: 0 })
})

test('L1 L3 over any history a channel has one owner a frame, and two different owners are a guard of frames apart', () => {
  const move = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd', 'e'), isTake: fc.boolean(), step: fc.integer({ min: 0, max: 200 }) })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(move, { maxLength: 120 }), (channels, moves) => {
      const leases = new Leases(channels, GUARD)
      const held = new Map<TrackKey, number>()
      const last: ({ owner: TrackKey; toFrame: number } | undefined)[] = []
      let at = 0
      for (const { name, isTake, step } of moves) {
        at += step
        const who = key(name)
        const channel = held.get(who)
        if (!isTake) {
          if (channel === undefined) continue
          leases.release(channel, at)
          last[channel] = { owner: who, toFrame: at }
          held.delete(who)
        } else if (channel === undefined) {
          const offer = leases.take(who, at)
          const isFree = (one: number) => ![...held.values()].includes(one)
          const free = Array.from({ length: channels }, (_, one) => one).filter(isFree)
          const isReady = (one: number) => last[one] === undefined || last[one].owner === who || at - last[one].toFrame >= GUARD
          if (offer.kind === 'channel') {
            expect(isFree(offer.channel) && isReady(offer.channel)).toBe(true)
            held.set(who, offer.channel)
          } else if (offer.kind === 'full') expect(free).toEqual([])
          else expect(free.filter(isReady)).toEqual([])
        }
        for (const [owner, one] of held) expect(leases.owner(one)).toBe(owner)
        expect(leases.free).toBe(channels - held.size)
      }
    }),
  )
})
