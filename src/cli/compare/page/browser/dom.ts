/**
 * The part of the browser that drawing uses. TypeScript's own `dom` library holds for a whole program, and there changes the
 * types of Node's web streams.
 */
export interface Browser {
  readonly document: {
    readonly documentElement: PageElement
    getElementById(id: string): PageElement | null
    createElement(name: string): PageElement
    querySelectorAll(selector: string): Iterable<PageElement>
  }
  readonly devicePixelRatio: number
  readonly ResizeObserver: new (changed: () => void) => { observe(element: PageElement): void }
  getComputedStyle(element: PageElement): { getPropertyValue(name: string): string }
  matchMedia(query: string): { addEventListener(event: 'change', listener: () => void): void }
}

/** An element; `value` and `checked` are those of a check box. */
export interface PageElement {
  textContent: string | null
  className: string
  hidden: boolean
  value: string
  checked: boolean
  readonly dataset: Readonly<Record<string, string | undefined>>
  readonly clientWidth: number
  readonly offsetWidth: number
  readonly style: { left: string; top: string }
  append(...children: readonly PageElement[]): void
  prepend(...children: readonly PageElement[]): void
  replaceChildren(...children: readonly PageElement[]): void
  addEventListener(event: 'change' | 'mouseleave', listener: () => void): void
}

export const browser: Browser = globalThis as unknown as Browser
