import { describe, expect, it } from 'vitest'
import { silentLogger, type Logger } from '../../../../src/observe/logger.js'
import { FakeStt, type FakeSttSession } from '../../../support/fake-stt.js'
import { ScribeRig } from '../../../support/scribe-rig.js'

/** A connection that is lost and made again. */
const reconnect = (session: FakeSttSession) => {
  session.emitPhase('waiting')
  session.emitPhase('live')
}

describe('6 a speech service that refuses', () => {
  it('6 P2 is told of once, although a session that it took before comes back after a lost connection', async () => {
    const stt = new FakeStt()
    const errors: string[] = []
    const logger = { ...silentLogger, error: (_: object, text: string) => errors.push(text) } as Logger
    const [working, refused] = [new ScribeRig(stt, { logger }), new ScribeRig(stt, { logger })]
    for (const rig of [working, refused]) {
      rig.join('ann')
      await rig.talk(['ann'], 1000)
    }
    const [live] = stt.sessions
    for (let refusal = 0; refusal < 3; refusal++) {
      stt.last.end('payment_required', false)
      await refused.talk(['ann'], 1000)
      reconnect(live!)
    }
    expect(errors).toEqual(['the speech service refuses: audio is kept until it is put right'])
    for (const rig of [working, refused]) await rig.finish()
  })

  it('6 P2 is told of once, although the session of the same meeting that it took comes back between two refusals', async () => {
    const stt = new FakeStt()
    const errors: string[] = []
    const logger = { ...silentLogger, error: (_: object, text: string) => errors.push(text) } as Logger
    const rig = new ScribeRig(stt, { logger })
    rig.join('ann')
    await rig.talk(['ann'], 1000)
    stt.last.autoAcknowledge = false
    await rig.talk(['ann'], 1000)
    stt.prepare = (session) => Object.assign(session, { isTaken: session.options.backlog === undefined })
    stt.last.end('session_lost')
    await rig.talk(['ann'], 1000)
    const open = (isRepeat: boolean) =>
      stt.sessions.find(({ ended, options }) => ended === null && (options.backlog !== undefined) === isRepeat)!
    for (let refusal = 0; refusal < 3; refusal++) {
      open(true).end('payment_required', false)
      await rig.talk(['ann'], 1000)
      reconnect(open(false))
    }
    expect(errors).toEqual(['the speech service refuses: audio is kept until it is put right'])
    open(true).emitPhase('live')
    open(true).acknowledgeBacklog()
    await rig.finish()
  })
})
