/** Voices that speak at 16 kHz. The recogniser understands rms and awb best, kal16 well, slt in short common sentences. */
export const VOICES = ['rms', 'awb', 'kal16', 'slt'] as const
export type Voice = (typeof VOICES)[number]
