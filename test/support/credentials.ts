import type { PeerCredentials } from '../../src/index.ts'

/** This process, as the kernel tells it to a peer. */
export const us: PeerCredentials = { pid: process.pid, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
