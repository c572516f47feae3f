import { useEffect, useRef, useState } from 'preact/hooks'
import { isAway, noted } from '../app/session.js'
import { clock } from '../app/time.js'
import { LiveFeed } from './feed.js'
import { LiveReader, type FeedStatus } from './reader.js'

/** A feed that is read while its component is there. */
export interface ReadFeed {
  readonly feed: LiveFeed
  readonly status: FeedStatus
}

/** Reads the live feed of a meeting; renders at most once a frame, however much comes. @param id null: nothing */
export function useFeed(id: string | null, onEnd: () => void): ReadFeed {
  const feed = useRef(new LiveFeed())
  const [status, setStatus] = useState<FeedStatus>({ kind: 'connecting' })
  const [, setFrame] = useState(0)
  const ended = useRef(onEnd)
  ended.current = onEnd
  useEffect(() => {
    if (id === null) return undefined
    let frame = 0
    let isClosed = false
    feed.current = new LiveFeed()
    const changed = () => {
      if (frame !== 0) return
      frame = requestAnimationFrame(() => {
        frame = 0
        setFrame((before) => before + 1)
      })
    }
    const reader = new LiveReader({
      path: `/v1/meetings/${encodeURIComponent(id)}/live`,
      clock,
      fetch: (...args) => fetch(...args),
      random: Math.random,
      onEvents: (events) => {
        let isChanged = false
        for (const event of events) isChanged = feed.current.apply(event) || isChanged
        if (isChanged) changed()
      },
      onStatus: (now) => {
        if (isClosed) return
        if (now.kind === 'open') isAway.value = false
        if (now.kind === 'away') {
          feed.current.forgetPassing()
          changed()
        }
        if (now.kind === 'failed') noted(now.error)
        setStatus(now)
        if (now.kind === 'ended') ended.current()
      },
    })
    void reader.run()
    return () => {
      isClosed = true
      cancelAnimationFrame(frame)
      reader.close()
    }
  }, [id])
  return { feed: feed.current, status }
}
