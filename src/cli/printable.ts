/**
 * A text that a stranger's device chose, fit for a terminal: what would move the cursor, change colours, end the line or turn
 * the direction of writing becomes U+FFFD.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD')
}
