import type { SocketError } from '../core/errors.ts'
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
  /** Called before each bind. */
  before?(): void
  /** Whether to bind once more after this error. A family with this step cannot listen at once. */
  retry?(error: unknown): Promise<boolean>
  /** Called after the bind. What it returns is called when the socket is closed. */
  bound?(): Cleanup | undefined
  /** Runs the bind, all steps and listen(2) while no other process does for the same address. */
  exclusively?<T>(work: () => Promise<T>): Promise<T>
}

/** Binds, as far as the steps want it, and once more where they say so; `then` takes what `bound` returned, and goes on. */
export async function bindWithSteps(
  steps: BindSteps,
  bind: () => void | Promise<void>,
  then: (cleanup: Cleanup | undefined) => void,
): Promise<void> {
  const attempt = async (): Promise<void> => {
    steps.before?.()
    await bind()
  }
  const run = async (): Promise<void> => {
    if (steps.skip !== true) {
      await attempt().catch(async (error) => {
        if (!(await steps.retry?.(error))) throw error
        await attempt()
      })
    }
    then(steps.bound?.())
  }
  await (steps.exclusively?.(run) ?? run())
}

/** Whether a bind failed: Node's modules call it `listen` where a server does it. */
export function isOfBind({ syscall }: SocketError): boolean {
  return syscall === 'bind' || syscall === 'listen'
}
