/** Text that is HTML already. Everything else that goes into a page is escaped on its way. */
export interface Html {
  readonly html: string
}

type Part = Html | string | number | readonly Html[]

/** A template whose parts are escaped, so that no address and no error text can become markup. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: String.raw({ raw: texts }, ...parts.map(partAsHtml)) }
}

function partAsHtml(part: Part): string {
  if (typeof part === 'string' || typeof part === 'number') return escapeText(String(part))
  return 'html' in part ? part.html : part.map((each) => each.html).join('\n')
}

/** Fit for the text of an element and for an attribute's value in either kind of quotes. */
function escapeText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

export const nothing: Html = { html: '' }

/** Data for a script element. JSON has `<` in strings only, and there it may be written as an escape. */
export function jsonInScript(data: unknown): Html {
  return { html: JSON.stringify(data).replaceAll('<', '\\u003c') }
}

/**
 * A script's text for within a script element, which ends at `</script` and changes its rules at `<!--`, wherever they
 * stand (HTML, "Restrictions for contents of script elements"). A script has them only in strings, regular expressions
 * and comments, where a backslash before the second character changes nothing.
 */
export function scriptInPage(text: string): Html {
  return { html: text.replace(/<(?=\/script|!--)/gi, '<\\') }
}

/** A style sheet's text, which ends only at `</style`. */
export function styleInPage(text: string): Html {
  return { html: text.replace(/<(?=\/style)/gi, '\\3C ') }
}
