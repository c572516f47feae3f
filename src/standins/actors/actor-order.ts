import { z } from 'zod'
import { scriptProblems, scriptSchema } from './script.js'

/**
 * What an actor process is to do: the first line on its standard input. When `isHeld`, a later line `go` sets T0, and `go MS` sets it to
 * that monotonic time.
 */
export const actorOrderSchema = z
  .object({
    url: z.string().min(1),
    apiKey: z.string().min(1),
    apiSecret: z.string().min(1),
    room: z.string().min(1),
    /** 16000 for everything; 48000 for marks, as a browser's microphone has */
    sampleRate: z.union([z.literal(16_000), z.literal(48_000)]),
    /** whether T0 waits for `go` */
    isHeld: z.boolean(),
    script: scriptSchema.check((context) => {
      for (const message of scriptProblems(context.value)) context.issues.push({ code: 'custom', message, input: context.value })
    }),
  })
  .refine(({ sampleRate, script }) => sampleRate === 16_000 || script.steps.every((step) => step.do !== 'say'), {
    error: 'speech needs a sampleRate of 16000',
    path: ['sampleRate'],
  })
export type ActorOrder = z.infer<typeof actorOrderSchema>
