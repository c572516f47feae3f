import {
  context,
  propagation,
  ROOT_CONTEXT,
  trace,
  type Attributes,
  type Context,
  type ContextManager,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
  type TextMapPropagator,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api'
import { AsyncLocalStorage } from 'node:async_hooks'

/** A span as it was when it ended. */
export interface RecordedSpan {
  readonly name: string
  readonly parent: string | null
  readonly attributes: Attributes
  readonly status: SpanStatus | null
}

/** What an SDK would be: keeps ended spans. Register it for one test, and `close` it. */
export class RecordingTracer implements TracerProvider, Tracer {
  readonly spans: RecordedSpan[] = []
  readonly #manager = new Manager()
  #ids = 0

  register(): void {
    trace.setGlobalTracerProvider(this)
    context.setGlobalContextManager(this.#manager)
    propagation.setGlobalPropagator(traceparent)
  }

  close(): void {
    trace.disable()
    context.disable()
    propagation.disable()
  }

  getTracer(): Tracer {
    return this
  }

  startSpan(name: string, options: SpanOptions = {}, within: Context = context.active()): Span {
    const parent = trace.getSpanContext(within)?.spanId ?? null
    const id = String(++this.#ids).padStart(16, '0')
    const span = { name, parent, attributes: { ...options.attributes }, status: null as SpanStatus | null }
    const spanContext: SpanContext = { traceId: '1'.repeat(32), spanId: id, traceFlags: 1 }
    const self: Span = {
      spanContext: () => spanContext,
      setAttribute: (key, value) => self.setAttributes({ [key]: value }),
      setAttributes: (attributes) => {
        span.attributes = { ...span.attributes, ...attributes }
        return self
      },
      addEvent: () => self,
      addLink: () => self,
      addLinks: () => self,
      setStatus: (status) => {
        span.status = status
        return self
      },
      updateName: (to) => {
        span.name = to
        return self
      },
      end: () => void this.spans.push(span),
      isRecording: () => true,
      recordException: () => undefined,
    }
    return self
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, ...rest: unknown[]): ReturnType<F> {
    const work = rest.pop() as F
    const [options, within = context.active()] = rest as [SpanOptions?, Context?]
    const span = this.startSpan(name, options, within)
    return context.with(trace.setSpan(within, span), () => work(span)) as ReturnType<F>
  }
}

class Manager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(within: Context, work: F, _this?: unknown, ...args: A): ReturnType<F> {
    return this.#storage.run(within, () => work(...args))
  }

  bind<T>(_: Context, target: T): T {
    return target
  }

  enable(): this {
    return this
  }

  disable(): this {
    return this
  }
}

/** The parent's span in a header of its own, as W3C's trace context has it. */
const traceparent: TextMapPropagator = {
  fields: () => ['traceparent'],
  inject: () => undefined,
  extract: (within, carrier: unknown) => {
    const [, traceId, spanId] = ((carrier as Record<string, string | undefined>)['traceparent'] ?? '').split('-')
    if (traceId === undefined || spanId === undefined) return within
    return trace.setSpanContext(within, { traceId, spanId, traceFlags: 1 })
  },
}
