/** `node deploy/image/weights.mjs FOLDER`: puts the recogniser's weights into a cache folder, checked by their sums. */
import { weights } from '../dev/weights.mjs'

const say = (what) => process.stdout.write(`${what}\n`)
const context = {
  root: process.cwd(),
  cache: process.argv[2] ?? 'cache',
  env: process.env,
  tests: false,
  working: say,
  waiting: () => undefined,
}
say(await weights(context))
