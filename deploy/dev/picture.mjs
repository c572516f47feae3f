/**
 * Makes the README's picture from real output: `npm run demo > demo.txt; node deploy/dev/picture.mjs demo.txt > deploy/dev/demo.svg`.
 * Keeps the head, the middle and the end of what the demo printed; colours names as the terminal does.
 */
import { readFile } from 'node:fs/promises'

const WIDTH = 108
const LINE = 19
const CHAR = 8.4
const PEOPLE = ['#56b6c2', '#e5c07b', '#c678dd', '#98c379', '#61afef', '#56e0e0', '#f0d58a', '#e39cf5']

/** @param {string} text */
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/**
 * Lines from the first that fits `from` up to the first after it that fits `to`, at most `most`.
 * @param {readonly string[]} lines
 * @param {RegExp} from
 * @param {RegExp} to
 * @param {number} most
 */
function part(lines, from, to, most) {
  const start = lines.findIndex((line) => from.test(line))
  const length = lines.slice(start + 1).findIndex((line) => to.test(line))
  return lines.slice(start, Math.min(start + most, length < 0 ? lines.length : start + 1 + length))
}

const text = await readFile(process.argv[2] ?? '', 'utf8')
const lines = text.split('\n')
const shown = [
  ...part(lines, /^roomscribe demo/, /^$/, 12),
  '',
  ...part(lines, /\[live\]/, /^Transcript/, 22),
  '  ...',
  '',
  ...part(lines, /^Coverage/, /^Summary/, 12),
  ...part(lines, /^Summary/, /^Slack/, 18),
  ...part(lines, /^Report/, /^never$/, 9),
]
const colours = new Map()
const rows = shown.map((line, index) => {
  const y = 24 + index * LINE
  const cut = line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line
  const spoken = /^(\s*\d\d:\d\d )(.{16})( .*)$/.exec(cut)
  const attributes = `x="16" y="${y}" xml:space="preserve"`
  if (!spoken) {
    const isTitle = /^[A-Z]\w+$/.test(cut) || cut.startsWith('roomscribe demo')
    const isDim = /^\s+(\*|\[|\.\.\.|starting)/.test(cut)
    const style = isTitle ? ' font-weight="bold"' : isDim ? ' fill="#7f848e"' : ''
    return `<text ${attributes}${style}>${escaped(cut)}</text>`
  }
  const [, time = '', name = '', said = ''] = spoken
  const person = name.trim().split(' ')[0] ?? ''
  if (!colours.has(person)) colours.set(person, PEOPLE[colours.size % PEOPLE.length])
  const fill = said.startsWith(' …') ? ' fill="#7f848e"' : ''
  return `<text ${attributes}><tspan fill="#7f848e">${time}</tspan><tspan fill="${colours.get(person)}" font-weight="bold">${escaped(name)}</tspan><tspan${fill}>${escaped(said)}</tspan></text>`
})
const width = Math.round(WIDTH * CHAR + 32)
const height = 24 + rows.length * LINE
process.stdout.write(
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#d7dae0">\n` +
    `<rect width="100%" height="100%" rx="8" fill="#1e2127"/>\n${rows.join('\n')}\n</svg>\n`,
)
