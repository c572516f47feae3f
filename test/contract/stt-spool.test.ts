import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.js'
import { newMeetingId, newSessionId, type MeetingId } from '../../src/core/ids.js'
import type { Limits } from '../../src/live/stt/gladia/limits.js'
import type { Backlog, SttSession } from '../../src/live/stt/port.js'
import type { Behaviours } from '../../src/speech-server/behaviours/schema.js'
import { scriptedFinal, type ScriptedLine } from '../support/scripted-engine.js'
import { blocksOf, countingPcm, SAMPLE_RATE, SttRecorder, SttStage } from '../support/stt-stage.js'
import { createHash } from 'node:crypto'

const WRITER = fileURLToPath(new URL('../support/spool-writer.mjs', import.meta.url))
const stages: SttStage[] = []
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close()
})

async function stageOf(behaviours: Behaviours = {}, script: readonly ScriptedLine[] = [], limits: Partial<Limits> = {}): Promise<SttStage> {
  const stage = await SttStage.start(behaviours, script, limits)
  stages.push(stage)
  return stage
}

const hash = (pcm: Int16Array) =>
  createHash('sha256')
    .update(new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength))
    .digest('hex')
const say = (session: SttSession, pcm: Int16Array) => blocksOf(pcm).forEach((block) => session.send(block))
/** what the writer's frames hold */
const written = (fromFrame: number, frames: number) =>
  Int16Array.from({ length: frames * 2 }, (_, at) => Math.imul(fromFrame * 2 + at, 40_503) >> 8)

/** Runs the writer in a process of its own until one of its lines, then kill -9. @returns its lines */
async function killed(
  stage: SttStage,
  meetingId: MeetingId,
  frames: number,
  until: (line: string) => boolean,
  shell = '',
): Promise<string[]> {
  const args = [stage.spoolFolder, meetingId, newSessionId(), String(frames)]
  const child = spawn('sh', ['-c', `${shell}exec "$0" "$@"`, process.execPath, WRITER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'close')
  const lines: string[] = []
  const output = createInterface({ input: child.stdout })
  output.on('line', (line) => {
    lines.push(line)
    if (until(line)) child.kill('SIGKILL')
  })
  await Promise.all([exited, once(output, 'close')])
  expect(child.signalCode).toBe('SIGKILL')
  return lines
}

test('28 kill -9: what was on disk is found by the next owner of the meeting, sent to the end, and gone', async () => {
  const stage = await stageOf()
  const meetingId = newMeetingId()
  const lines = await killed(stage, meetingId, 10_000 * 800, (line) => Number(line) > 3 * SAMPLE_RATE * 10)
  const port = stage.port({ onDisk: true })
  const [left, ...others] = await port.left!(meetingId)
  expect(others).toEqual([])
  expect(left).toMatchObject({ channels: 2, fromFrame: 0, vendorId: 'vendor' })
  const { backlog } = left!
  expect(backlog.frames).toBeGreaterThanOrEqual(Math.max(...lines.map(Number)))
  expect(await port.left!(meetingId)).toEqual([])
  const recorder = new SttRecorder()
  await stage.open({ meetingId, backlog, onDisk: true }, recorder).finish(20_000)
  expect(recorder.ends).toMatchObject([{ reason: 'done' }])
  expect(recorder.gaps).toEqual([])
  expect(stage.server.sessions()[0]?.sha256).toBe(hash(written(0, backlog.frames)))
  expect(await readdir(stage.spoolFolder)).toEqual([])
})

test('33 EFBIG: files that may not grow cost nothing but the next file', async () => {
  const stage = await stageOf()
  const meetingId = newMeetingId()
  const frames = 60 * SAMPLE_RATE
  // 512 or 1024 bytes each, as the shell has it
  const lines = await killed(stage, meetingId, frames, (line) => line === 'left', 'ulimit -f 1500; ')
  expect(lines).toContain('refused EFBIG')
  const [left] = await stage.port({ onDisk: true }).left!(meetingId)
  expect(left).toMatchObject({ fromFrame: 0, backlog: { frames } })
  const recorder = new SttRecorder()
  await stage.open({ meetingId, backlog: left!.backlog, onDisk: true }, recorder).finish(20_000)
  expect(recorder.gaps).toEqual([])
  expect(stage.server.sessions()[0]?.sha256).toBe(hash(written(0, frames)))
})

test('15 a service that takes nothing for a while: audio beyond the memory goes to disk, and all of it arrives', async () => {
  const stage = await stageOf({}, [], { ackTimeoutMs: 60_000 })
  const session = stage.open({ onDisk: true })
  const pcm = countingPcm(SAMPLE_RATE * 30)
  const part = SAMPLE_RATE * 4
  say(session, pcm.slice(0, part))
  await stage.recorder.until(() => session.acknowledgedFrames > SAMPLE_RATE)
  stage.proxy.isBlackhole = true
  say(session, pcm.slice(part))
  while (stage.spooledBytes < 1_000_000) await systemClock.sleep(1)
  stage.proxy.isBlackhole = false
  stage.proxy.reset()
  await session.finish(20_000)
  expect(stage.recorder.ends).toMatchObject([{ reason: 'done' }])
  expect(stage.recorder.gaps).toEqual([])
  expect(stage.server.sessions()[0]?.sha256).toBe(hash(pcm))
  expect(stage.spooledBytes).toBe(0)
  expect(await readdir(stage.spoolFolder)).toEqual([])
})

test('8 a session that reaches its limit is replaced: what it had not taken goes to the next one, and nothing twice', async () => {
  const stage = await stageOf({ sessionLimitMs: 1000, sessionLimitCounts: 'audio' })
  const first = new SttRecorder()
  const session = stage.open({ onDisk: true }, first)
  let taken: { fromFrame: number; backlog: Backlog } | null = null
  first.onEnded = () => {
    taken = session.takeUnacknowledged!()
  }
  const pcm = countingPcm(SAMPLE_RATE * 2)
  say(session, pcm)
  await first.until(() => first.ends.length > 0)
  expect(first.ends).toMatchObject([{ reason: 'session_lost', replaceable: true }])
  expect(first.gaps).toEqual([])
  stage.server.switches.set({})
  const { fromFrame, backlog } = taken as unknown as { fromFrame: number; backlog: Backlog }
  const next = new SttRecorder()
  const second = stage.open({ backlog }, next)
  await second.finish(5000)
  expect(next.ends).toMatchObject([{ reason: 'done' }])
  expect(stage.server.sessions().find(({ id }) => id === second.vendorId)?.sha256).toBe(hash(pcm.slice(fromFrame * 2)))
})

test('6 after a refused key the audio is not gone: it can be taken on, and left on disk for another process', async () => {
  const stage = await stageOf({ post: { status: 402 } })
  const meetingId = newMeetingId()
  const session = stage.open({ meetingId, onDisk: true })
  let taken: { fromFrame: number; backlog: Backlog } | null = null
  stage.recorder.onEnded = () => {
    taken = session.takeUnacknowledged!()
  }
  say(session, countingPcm(SAMPLE_RATE * 2))
  await stage.recorder.until(() => stage.recorder.ends.length > 0)
  expect(stage.recorder.ends).toMatchObject([{ reason: 'payment_required', replaceable: false }])
  expect(stage.recorder.gaps).toEqual([])
  // one try, and no more
  expect(stage.log.filter((text) => text.includes('not created'))).toHaveLength(1)
  const { backlog } = taken as unknown as { fromFrame: number; backlog: Backlog }
  expect(await backlog.leave!()).toBe(true)
  expect(await readdir(stage.spoolFolder)).toEqual([meetingId])
})

test('7 33 of what waits nothing may be left, on a full disk: the session that repeats it says so, and ends in order', async () => {
  const stage = await stageOf({ post: { status: 402 } })
  const session = stage.open()
  let taken: { fromFrame: number; backlog: Backlog } | null = null
  stage.recorder.onEnded = () => {
    taken = session.takeUnacknowledged!()
  }
  say(session, countingPcm(SAMPLE_RATE * 3))
  await stage.recorder.until(() => stage.recorder.ends.length > 0)
  stage.server.switches.set({})
  const { backlog } = taken as unknown as { fromFrame: number; backlog: Backlog }
  expect(backlog.rest!(0)).toBe(0)
  const next = new SttRecorder()
  const second = stage.open({ backlog }, next)
  await next.until(() => next.phases.includes('live') && next.gaps.length > 0)
  expect(next.gaps).toEqual([{ fromFrame: 0, toFrame: SAMPLE_RATE * 3, reason: 'buffer_full' }])
  await second.finish(5000)
  expect(next.ends).toMatchObject([{ reason: 'done' }])
})

test('28 the texts of a session of a dead process are asked for by its id, also those that came after the death', async () => {
  const script = [
    { atSec: 0.5, transcript: scriptedFinal('a', 0, 0, 0.5, 'before the death') },
    { atSec: 1.9, transcript: scriptedFinal('b', 1, 1, 1.5, 'after it') },
  ]
  const stage = await stageOf({ detached: 'ends_at_once' }, script)
  const session = stage.open()
  say(session, countingPcm(SAMPLE_RATE * 2))
  await stage.recorder.until(() => session.acknowledgedFrames === SAMPLE_RATE * 2)
  const of = {
    vendorId: session.vendorId!,
    sessionId: session.sessionId,
    channels: 2,
    sampleRate: SAMPLE_RATE,
    sentFrames: SAMPLE_RATE * 2,
  }
  stage.proxy.isDown = true
  stage.proxy.reset()
  const results = await stage.port({ baseUrl: stage.server.url }).results!(of, new AbortController().signal)
  expect(results).toMatchObject({
    isWhole: true,
    utterances: [
      { text: 'before the death', channel: 0 },
      { text: 'after it', channel: 1 },
    ],
  })
  expect(results!.utterances.every(({ sessionId, isFinal }) => sessionId === session.sessionId && isFinal)).toBe(true)
  const nobody = { ...of, vendorId: 'somebody-else' }
  expect(await stage.port({ baseUrl: stage.server.url }).results!(nobody, new AbortController().signal)).toBeNull()
})
