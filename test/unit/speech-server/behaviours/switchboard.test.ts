import { describe, expect, it } from 'vitest'
import { Switchboard } from '../../../../src/speech-server/behaviours/switchboard.js'

describe('Switchboard', () => {
  it('gives the default of what is not set', () => {
    expect(new Switchboard().use('idleMs')).toBe(30_000)
  })

  it('gives a plain value for ever', () => {
    const switches = new Switchboard({ acks: 'drop' })
    expect([switches.use('acks'), switches.use('acks'), switches.use('acks')]).toEqual(['drop', 'drop', 'drop'])
  })

  it('gives a counted value that many times, then the default; peeking does not count', () => {
    const switches = new Switchboard({ acks: { switch: { coalesce: 2 }, times: 2 }, post: { switch: 'lost_response', times: 1 } })
    expect([switches.peek('acks'), switches.use('acks'), switches.peek('acks'), switches.use('acks')]).toEqual(
      [1, 2, 3, 4].map(() => ({ coalesce: 2 })),
    )
    expect([switches.peek('acks'), switches.use('acks')]).toEqual(['each', 'each'])
    expect(switches.use('post')).toBe('lost_response')
  })

  it('setting replaces everything and counts anew', () => {
    const switches = new Switchboard({ acks: { switch: 'drop', times: 1 }, emptyChunk: 'none' })
    switches.use('acks')
    switches.set({ acks: { switch: 'drop', times: 1 } })
    expect([switches.use('acks'), switches.use('acks'), switches.use('emptyChunk')]).toEqual(['drop', 'each', 'ack'])
    expect(switches.behaviours).toEqual({ acks: { switch: 'drop', times: 1 } })
  })
})
