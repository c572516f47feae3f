import { crc32 } from 'node:zlib'

/** length and checksum before each payload, unsigned 32 bits, little-endian */
const HEADER_BYTES = 8

/** A payload as it stands in an append-only file: its length, a CRC-32 over length and payload, the payload. */
export function encodeRecord(payload: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  record.writeUInt32LE(payload.length, 0)
  record.set(payload, HEADER_BYTES)
  record.writeUInt32LE(checksum(record, payload.length), 4)
  return record
}

/**
 * Reads records up to the first that is torn or changed: what follows it cannot be told from rubbish.
 * @returns the payloads, views of `bytes`, and how many bytes they and their headers take
 */
export function decodeRecords(bytes: Buffer): { readonly payloads: readonly Buffer[]; readonly goodBytes: number } {
  const payloads: Buffer[] = []
  let at = 0
  while (at + HEADER_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(at)
    const end = at + HEADER_BYTES + length
    if (end > bytes.length || bytes.readUInt32LE(at + 4) !== checksum(bytes.subarray(at, end), length)) break
    payloads.push(bytes.subarray(at + HEADER_BYTES, end))
    at = end
  }
  return { payloads, goodBytes: at }
}

/** The length is part of it: zeros, which a file system leaves where it was interrupted, are no record. */
function checksum(record: Buffer, length: number): number {
  return crc32(record.subarray(HEADER_BYTES, HEADER_BYTES + length), crc32(record.subarray(0, 4)))
}
