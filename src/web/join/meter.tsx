const BARS = 12

/** How loud the microphone is. */
export function Meter({ level, isMuted }: { readonly level: number; readonly isMuted: boolean }) {
  const lit = isMuted ? 0 : Math.ceil(level * BARS)
  return (
    <span class="meter" role="img" aria-label={isMuted ? 'microphone off' : 'loudness of your microphone'}>
      {Array.from({ length: BARS }, (_, at) => (
        <i key={at} class={at < lit ? 'lit' : ''} />
      ))}
    </span>
  )
}
