import { context, propagation, SpanKind, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api'
import { RoomscribeError, toError } from '../core/errors.js'

/** A span that is being recorded, or nothing when nobody registered an SDK. */
export interface OpenSpan {
  rename(name: string): void
  set(attributes: Attributes): void
}

/** What a span is of. */
export interface SpanOptions {
  /** a meeting's id and closed lists; never names, rooms or texts */
  readonly attributes?: Attributes
  /** headers of a request: its caller's span is the parent */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Runs work within a span of OpenTelemetry's API, so that whoever registers an SDK sees it, and its children: without one it costs some
 * function calls. A failure marks the span with the error's class and code, never with its text; a cancellation is none.
 */
export function traced<T>(name: string, options: SpanOptions, work: (span: OpenSpan) => Promise<T>): Promise<T> {
  const { attributes = {}, headers } = options
  const parent = headers === undefined ? context.active() : propagation.extract(context.active(), headers)
  const kind = headers === undefined ? SpanKind.INTERNAL : SpanKind.SERVER
  // looked up each time: an SDK may be registered after this module was loaded
  return trace.getTracer('roomscribe').startActiveSpan(name, { kind, attributes }, parent, async (span) => {
    try {
      return await work({ rename: (to) => void span.updateName(to), set: (more) => void span.setAttributes(more) })
    } catch (thrown) {
      const error = toError(thrown)
      const type = error instanceof RoomscribeError ? error.code : error.name
      if (type !== 'AbortError') {
        span.setAttribute('error.type', type)
        span.setStatus({ code: SpanStatusCode.ERROR })
      }
      throw thrown
    } finally {
      span.end()
    }
  })
}
