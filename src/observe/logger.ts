import { destination, pino } from 'pino'

/** Log lines: JSON on standard error, a constant lower-case message, facts as fields, the error under `err`. */
export interface Logger {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  child(facts: object): Logger
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const JWT = /eyJ[\w-]+\.[\w-]+\.[\w-]*/g
const URL_TOKEN = /([?&](?:token|access_token|key)=)[^&\s"']+/gi

/** Removes tokens from free text: JWTs (LiveKit puts the whole one into a 401) and secrets in URLs. */
export function redactText(text: string): string {
  return text.replace(JWT, '[redacted]').replace(URL_TOKEN, '$1[redacted]')
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return redactText(String(error))
  return {
    type: error.name,
    code: 'code' in error ? error.code : undefined,
    message: redactText(error.message),
    stack: error.stack === undefined ? undefined : redactText(error.stack),
    cause: error.cause === undefined ? undefined : serializeError(error.cause),
  }
}

/** @param write where lines go; standard error when absent */
export function createLogger(level: LogLevel, write?: (line: string) => void): Logger {
  const stream = write ? { write } : destination({ dest: 2, sync: true })
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: serializeError },
      redact: {
        paths: ['token', 'apiKey', 'secret', 'authorization', '*.token', '*.apiKey', '*.secret', '*.authorization'],
        censor: '[redacted]',
      },
    },
    stream,
  )
}

/** A logger that says nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
}
