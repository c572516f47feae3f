/**
 * Content-Security-Policy of tools that others wrote and we serve: everything from our own host; they style their elements in place and
 * draw icons from data.
 * @param baseUri whether the tool names its own base address
 */
export const toolPolicy = (baseUri: "'none'" | "'self'"): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    `base-uri ${baseUri}`,
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
