/**
 * The errno numbers that the engine acts on, negative as the addon returns them: Linux's asm-generic/errno.h, which are
 * those of every machine that Node runs on except MIPS.
 */
export const EPERM = -1
export const EINTR = -4
export const EIO = -5
export const EBADF = -9
export const EAGAIN = -11
export const ENOMEM = -12
export const EINVAL = -22
export const ENFILE = -23
export const EMFILE = -24
export const ENONET = -64
export const EPROTO = -71
export const EMSGSIZE = -90
export const ENOPROTOOPT = -92
export const EOPNOTSUPP = -95
export const ENETDOWN = -100
export const ENETUNREACH = -101
export const ECONNABORTED = -103
export const ECONNRESET = -104
export const ENOBUFS = -105
export const ENOTCONN = -107
export const EHOSTDOWN = -112
export const EHOSTUNREACH = -113
export const EINPROGRESS = -115
