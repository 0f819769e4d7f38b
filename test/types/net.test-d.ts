import type * as node from 'node:net'
import { expectTypeOf } from 'vitest'
import net, { type AddressInfo, connect, createServer, type Server, Socket } from '../../src/net.ts'

// Ours go where Node's are asked for.
expectTypeOf(connect(1)).toExtend<node.Socket>()
expectTypeOf(createServer()).toExtend<node.Server>()
expectTypeOf<AddressInfo>().toEqualTypeOf<node.AddressInfo>()
expectTypeOf(net.isIP).toEqualTypeOf<typeof node.isIP>()

// And take addresses of ours.
expectTypeOf(connect({ address: 'memory:x', timeout: 1 })).toEqualTypeOf<Socket>()
expectTypeOf(new Socket().connect({ address: { family: 'memory' } })).toEqualTypeOf<Socket>()
expectTypeOf(createServer().listen({ address: 'memory:x' })).toEqualTypeOf<Server>()

createServer((socket) => expectTypeOf(socket).toEqualTypeOf<Socket>())

// @ts-expect-error: an address is text or an object
connect({ address: 1 })
