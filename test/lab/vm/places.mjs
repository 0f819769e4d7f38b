import { join, resolve } from 'node:path'

/** The root of the project's checkout. */
export const project = resolve(import.meta.dirname, '../../..')

/** What took long to make: kernels, initramfs images, Node packages. It may be deleted at any time. */
export const cache = join(project, 'node_modules/.cache/polysocket-lab')
