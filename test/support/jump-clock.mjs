// Preloaded into a process of ours: its wall clock jumps by JUMP_CLOCK_MS at each SIGUSR2. The monotonic clock goes on.
import process from 'node:process'

const RealDate = Date
let offsetMs = 0
process.on('SIGUSR2', () => {
  offsetMs += Number(process.env.JUMP_CLOCK_MS)
  process.stderr.write('clock jumped\n')
})

class JumpingDate extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + offsetMs)
    else super(...given)
  }

  static now() {
    return RealDate.now() + offsetMs
  }
}
globalThis.Date = JumpingDate
