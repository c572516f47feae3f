const BLOCK = 512

/**
 * The regular files of a tar archive (ustar, with the long names of pax and GNU), as views into it.
 * @param {Buffer} archive uncompressed
 * @returns {Generator<{ path: string, content: Buffer }>}
 * @throws {Error} a damaged header, or an archive that ends in the middle of a file
 */
export function* tarFiles(archive) {
  let longName
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK)
    if (header.every((byte) => byte === 0)) return
    if (checksum(header) !== octal(header, 148, 8)) throw new Error('the archive is damaged')
    const size = octal(header, 124, 12)
    const content = archive.subarray(at + BLOCK, at + BLOCK + size)
    if (content.length < size) throw new Error('the archive is cut off')
    const type = String.fromCharCode(header[156] ?? 0)
    if (type === 'L') longName = text(content)
    else if (type === 'x') longName = paxPath(content) ?? longName
    else {
      const prefix = text(header.subarray(345, 500))
      const name = text(header.subarray(0, 100))
      if (type === '0' || type === '\0') yield { path: longName ?? (prefix === '' ? name : `${prefix}/${name}`), content }
      longName = undefined
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
}

function text(bytes) {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

function octal(header, from, length) {
  return Number.parseInt(text(header.subarray(from, from + length)).trim() || '0', 8)
}

/** The sum of all bytes, with those of the checksum itself taken as spaces. */
function checksum(header) {
  let sum = 0
  for (let at = 0; at < BLOCK; at++) sum += at >= 148 && at < 156 ? 32 : header[at]
  return sum
}

function paxPath(content) {
  return /^\d+ path=(.*)$/m.exec(content.toString('utf8'))?.[1]
}
