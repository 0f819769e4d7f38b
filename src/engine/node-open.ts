import type { AddressBase } from '../core/address.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { AnyHandle, DatagramHandle, ListenerHandle } from '../core/family.ts'
import type { ListenRequest, OpenRequest } from '../core/options.ts'
import type { KernelFamilyDefinition } from './kernel-family.ts'
import type { NodeCodec } from './node.ts'

export class NodeOpener<A extends AddressBase> {
  constructor(_definition: KernelFamilyDefinition<A>, _codec: NodeCodec<A>, _facts: (address: A) => SchemeFacts) {}
  connect(_address: A, _request: OpenRequest<A>): Promise<AnyHandle<A>> {
    throw new Error('not yet')
  }
  listen(_address: A, _request: ListenRequest<A>): Promise<ListenerHandle<A>> {
    throw new Error('not yet')
  }
  bind(_address: A, _request: OpenRequest<A>): Promise<DatagramHandle<A>> {
    throw new Error('not yet')
  }
}
