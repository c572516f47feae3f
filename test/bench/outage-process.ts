/** The outage of the bench `resilience`, in a process of its own: what ran before in one would be in its memory. Argument: minutes. */
import { runOutage } from '../support/outage.js'

process.stdout.write(JSON.stringify(await runOutage({ minutes: Number(process.argv[2]) })))
