import type { Cleanup } from './kernel.ts'

/** A bind that is about to be done. */
export interface Binding {
  /** The unbound socket, where the kernel engine runs the bind. */
  readonly fd: number | undefined
  readonly options: Readonly<Record<string, unknown>>
}

/** What a family does around a bind. */
export interface BindSteps {
  /** The address is one that leaves the socket unbound. */
  readonly skip?: boolean
  /** Whether to bind once more after this error. A family with this step cannot listen at once. */
  retry?(error: unknown): Promise<boolean>
  /** Called after the bind. What it returns is called when the socket is closed. */
  bound?(): Cleanup | undefined
}

/** Binds, as far as the steps want it, and once more where they say so; the step after it is the caller's. */
export async function bindWithRetry(steps: BindSteps, bind: () => void | Promise<void>): Promise<void> {
  if (steps.skip === true) return
  try {
    await bind()
  } catch (error) {
    if (!(await steps.retry?.(error))) throw error
    await bind()
  }
}
