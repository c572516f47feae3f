import { z } from 'zod'

/** What a client said in one WebSocket message. */
export type ClientMessage =
  | { readonly kind: 'audio'; readonly bytes: Buffer }
  | { readonly kind: 'stop' }
  | { readonly kind: 'malformed'; readonly why: string }

const textMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('audio_chunk'),
    data: z.object({ chunk: z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, { error: 'is not base64' }) }),
  }),
  z.object({ type: z.literal('stop_recording') }),
])

/** Reads one message; never throws. A binary message is audio, its bytes are passed on without a copy. */
export function readClientMessage(bytes: Buffer, isBinary: boolean): ClientMessage {
  if (isBinary) return { kind: 'audio', bytes }
  let document: unknown
  try {
    document = JSON.parse(bytes.toString('utf8'))
  } catch {
    return { kind: 'malformed', why: 'the message is not JSON' }
  }
  const parsed = textMessage.safeParse(document)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return { kind: 'malformed', why: `${issue?.path.join('.') || 'message'}: ${issue?.message ?? 'is not understood'}` }
  }
  if (parsed.data.type === 'stop_recording') return { kind: 'stop' }
  return { kind: 'audio', bytes: Buffer.from(parsed.data.data.chunk, 'base64') }
}
