/** What a language code looks like, as the source of a regular expression that stands for the whole text. */
export const LANGUAGE_PATTERN = '[a-z]{2,3}'

/** A language code of a meeting, wherever one is set: ISO 639, two letters where there are two. */
export const LANGUAGE_CODE = new RegExp(`^${LANGUAGE_PATTERN}$`)

/** What is told of any other text. */
export const LANGUAGE_RULE = 'must be a language code of two or three letters'
