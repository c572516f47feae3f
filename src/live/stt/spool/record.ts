import { decodeRecords, encodeRecord } from '../../../core/checked-records.js'

const AUDIO = 1
const MARK = 2
/** kind, channels, two unused; the frame as a double, little-endian */
const HEAD_BYTES = 12
/** length and checksum of `checked-records` */
const WRAP_BYTES = 8
const MAX_CHANNELS = 8

let room = Buffer.alloc(0)

/** One record of a spool file, and where it stands in it. */
export interface AudioRecord {
  readonly fromFrame: number
  readonly toFrame: number
  readonly channels: number
  /** bytes before it */
  readonly offset: number
  /** its bytes in the file, checksum included */
  readonly bytes: number
  /** interleaved, a view of the input, not necessarily aligned to samples */
  readonly pcm: Buffer
}

/** Interleaved audio as it stands in a spool file. */
export function encodeAudio(fromFrame: number, channels: number, samples: Int16Array): Buffer {
  const payload = scratch(HEAD_BYTES + samples.byteLength)
  payload.writeUInt32LE(AUDIO | (channels << 8), 0)
  payload.writeDoubleLE(fromFrame, 4)
  // hosts are little-endian, and so is the file
  payload.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), HEAD_BYTES)
  return encodeRecord(payload)
}

/** "Every frame below `frame` is acknowledged", as it stands in a spool's file of marks. */
export function encodeMark(frame: number): Buffer {
  const payload = Buffer.alloc(HEAD_BYTES)
  payload.writeUInt32LE(MARK, 0)
  payload.writeDoubleLE(frame, 4)
  return encodeRecord(payload)
}

/** The records of a spool file up to the first that is torn or changed; whole ones that are no audio are left out. Never throws. */
export function decodeAudio(bytes: Buffer): { readonly records: readonly AudioRecord[]; readonly goodBytes: number } {
  const { payloads, goodBytes } = decodeRecords(bytes)
  const records: AudioRecord[] = []
  let offset = 0
  for (const payload of payloads) {
    const size = WRAP_BYTES + payload.length
    const frame = frameOf(payload, AUDIO)
    const channels = frame === null ? 0 : payload[1]!
    const pcm = payload.subarray(HEAD_BYTES)
    if (frame !== null && channels >= 1 && channels <= MAX_CHANNELS && pcm.length > 0 && pcm.length % (channels * 2) === 0) {
      records.push({ fromFrame: frame, toFrame: frame + pcm.length / (channels * 2), channels, offset, bytes: size, pcm })
    }
    offset += size
  }
  return { records, goodBytes }
}

/** The largest mark of a file of marks, or 0. Never throws. */
export function decodeMarks(bytes: Buffer): number {
  return decodeRecords(bytes).payloads.reduce((highest, payload) => Math.max(highest, frameOf(payload, MARK) ?? 0), 0)
}

/** Room for a payload until the next call: it is copied into its record at once. */
function scratch(bytes: number): Buffer {
  if (room.length < bytes) room = Buffer.allocUnsafeSlow(bytes)
  return room.subarray(0, bytes)
}

/** Samples of a record, copied: yours. */
export function samplesOf(pcm: Buffer): Int16Array {
  const samples = new Int16Array(pcm.length / 2)
  new Uint8Array(samples.buffer).set(pcm)
  return samples
}

function frameOf(payload: Buffer, kind: number): number | null {
  if (payload.length < HEAD_BYTES || payload[0] !== kind) return null
  const frame = payload.readDoubleLE(4)
  return Number.isSafeInteger(frame) && frame >= 0 ? frame : null
}
