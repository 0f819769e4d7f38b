import { datagramFault, type Fault, streamFault } from './broken.ts'

export interface Example {
  readonly scheme: string
  readonly fault: Fault
  /** The cases that are run; each of them is to fail. */
  readonly caught: RegExp
}

/** What the suite must catch, by what the family does wrong. */
export const examples: Readonly<Record<string, Example>> = {
  'loses a byte now and then': {
    scheme: 'memory',
    fault: streamFault(({ onData }) => ({
      onData: (chunk) => onData(chunk.length > 1000 ? chunk.subarray(1) : chunk),
    })),
    caught: /8 MiB in both|async iteration yields|pause and resume lose/,
  },
  'turns a byte around': {
    scheme: 'memory',
    fault: streamFault(({ onData }) => ({
      onData: (chunk) => {
        if (chunk.length > 1000) chunk.writeUInt8(chunk.readUInt8(500) ^ 1, 500)
        onData(chunk)
      },
    })),
    caught: /8 MiB in both|async iteration yields/,
  },
  'never ends': {
    scheme: 'memory',
    fault: streamFault(() => ({ onEnd: () => undefined })),
    caught:
      /end\(data\) delivers|half close: the end|peer that vanishes while we only listen|onEnd once after the data/,
  },
  'takes the end of the peer for the end of both': {
    scheme: 'memory',
    fault: streamFault(({ onEnd, onError }) => ({
      onEnd: () => {
        onEnd()
        setImmediate(() => onError(Object.assign(new Error('gone'), { code: 'ECONNRESET' })))
      },
    })),
    caught: /allowHalfOpen: our direction stays open/,
  },
  'goes on after pause': {
    scheme: 'memory',
    fault: { stream: () => ({ pause: () => undefined }) },
    caught: /a stream handle is quiet until resume/,
  },
  'takes all that is written, at once': {
    scheme: 'memory',
    fault: {
      stream: (handle) => ({
        write: (chunks, done) => {
          handle.write(chunks, () => undefined)
          done(null)
        },
      }),
    },
    caught: /a reader that does not read holds up the writer/,
  },
  'forgets a write': {
    scheme: 'memory',
    fault: { stream: (handle) => ({ write: (chunks) => handle.write(chunks, () => undefined) }) },
    caught: /write callbacks come once|an empty write is done/,
  },
  'gives a write back twice': {
    scheme: 'memory',
    fault: {
      stream: (handle) => ({
        write: (chunks, done) =>
          handle.write(chunks, (error) => {
            done(error)
            setImmediate(() => done(error))
          }),
      }),
    },
    caught: /gives every write back once/,
  },
  'calls back after close': {
    scheme: 'memory',
    fault: {
      stream: (handle) => {
        let late = (): void => undefined
        return {
          start: (events) => {
            late = () => events.onData(Buffer.from('late'))
            handle.start(events)
          },
          close: () => {
            handle.close()
            setImmediate(late)
          },
        }
      },
    },
    caught: /a stream handle that was closed calls nothing/,
  },
  'does not close': {
    scheme: 'memory',
    fault: { stream: () => ({ close: () => undefined }) },
    caught: /a peer that vanishes while we only listen/,
  },
  'accepts after close': {
    scheme: 'memory',
    fault: { listener: () => ({ close: () => undefined }) },
    caught: /close stops accepting|the address is free again/,
  },
  'says nothing where nobody listens': {
    scheme: 'memory',
    fault: {
      family: ({ connect }) => ({
        connect: (address, request) =>
          connect === undefined
            ? Promise.reject(new Error('no connect'))
            : connect(address, request).catch(() => new Promise<never>(() => undefined)),
      }),
    },
    caught: /connecting to where nobody is fails/,
  },
  'names errors as it likes': {
    scheme: 'memory',
    fault: {
      family: ({ connect }) => ({
        connect: async (address, request) => {
          const handle = await connect?.(address, request).catch(() => undefined)
          if (handle === undefined) throw new Error('nobody there')
          return handle
        },
      }),
    },
    caught: /connecting to where nobody is fails/,
  },
  'formats what it cannot parse': {
    scheme: 'memory',
    fault: { family: ({ format }) => ({ format: (address) => `${format(address)}x` }) },
    caught: /survives its text/,
  },
  'refuses junk in its own way': {
    scheme: 'memory',
    fault: {
      family: ({ parse }) => ({
        parse: (scheme, rest) => {
          if (rest.includes('\0')) throw new RangeError('no zero bytes')
          return parse(scheme, rest)
        },
      }),
    },
    caught: /junk is ERR_ADDRESS_INVALID/,
  },
  'merges messages': {
    scheme: 'memorygram',
    fault: datagramFault(({ onMessages }) => ({
      onMessages: (batch) => {
        const [first] = batch
        if (first === undefined || batch.length < 2) onMessages(batch)
        else onMessages([{ ...first, data: Buffer.concat(batch.map(({ data }) => data)) }])
      },
    })),
    caught: /sendBatch of \d+ messages|batches\(\) yields|'message' and 'batch' both/,
  },
  'swallows empty messages': {
    scheme: 'memorygram',
    fault: datagramFault(({ onMessages }) => ({
      onMessages: (batch) => {
        const kept = batch.filter(({ data }) => data.length > 0)
        if (kept.length > 0) onMessages(kept)
      },
    })),
    caught: /an empty message is a message|from the empty message to the largest/,
  },
  'takes an empty message for the end': {
    scheme: 'memorygram',
    fault: datagramFault(({ onMessages, onEnd }) => ({
      onMessages: (batch) => {
        if (batch.some(({ data }) => data.length === 0)) onEnd()
        else onMessages(batch)
      },
    })),
    caught: /an empty message is a message/,
  },
  'cuts long messages': {
    scheme: 'memorygram',
    fault: datagramFault(({ onMessages }) => ({
      onMessages: (batch) => onMessages(batch.map((message) => ({ ...message, data: message.data.subarray(0, 2048) }))),
    })),
    caught: /from the empty message to the largest/,
  },
  'tells nobody who sent it': {
    scheme: 'memorygram',
    fault: datagramFault(({ onMessages }) => ({
      onMessages: (batch) => onMessages(batch.map((message) => ({ ...message, from: undefined }))),
    })),
    caught: /a message tells who sent it/,
  },
  'doubles messages': {
    scheme: 'memorygram',
    fault: datagramFault(({ onMessages }) => ({ onMessages: (batch) => onMessages([...batch, ...batch]) })),
    caught: /many messages arrive once each|'message' and 'batch' both/,
  },
  'sends messages of any size': {
    scheme: 'memorygram',
    fault: {
      datagram: (handle) => ({
        send: (messages, from) => {
          const cut = messages.map(({ data, target }) => ({ data: data.subarray(0, 1000), target }))
          return handle.send(cut, from)
        },
      }),
    },
    caught: /over the limit is EMSGSIZE|one message too large names it/,
  },
  'claims to have sent what it has not': {
    scheme: 'memorygram',
    fault: {
      datagram: (handle) => ({
        send: (messages, from) => {
          handle.send(messages.slice(from, from + 1), 0)
          return messages.length - from
        },
      }),
    },
    caught: /sendBatch of \d+ messages|batches\(\) yields/,
  },
  'loses a message now and then': {
    scheme: 'unixpacket',
    fault: datagramFault(({ onMessages }) => ({
      onMessages: (batch) => {
        const kept = batch.filter(({ data }) => data.length < 4 || data.readUInt32BE() !== 77)
        if (kept.length > 0) onMessages(kept)
      },
    })),
    caught: /sendBatch of \d+ messages|a slow receiver holds up|many messages arrive once each/,
  },
  'mixes up the order': {
    scheme: 'unixpacket',
    fault: datagramFault(({ onMessages }) => ({ onMessages: (batch) => onMessages(batch.toReversed()) })),
    caught: /sendBatch of \d+ messages|a slow receiver holds up|many messages arrive once each/,
  },
  'throws messages away when nobody is ready for them': {
    scheme: 'unixpacket',
    fault: {
      datagram: (handle) => {
        let open = false
        return {
          start: (events) => handle.start({ ...events, onMessages: (batch) => open && events.onMessages(batch) }),
          resume: () => {
            open = true
            handle.resume()
          },
          pause: () => {
            open = false
          },
        }
      },
    },
    caught: /a slow receiver holds up|trySend says when there is no room|pause\(\) stops 'message'/,
  },
  'gives the end of the peer as an empty message': {
    scheme: 'unixpacket',
    fault: datagramFault(({ onMessages }) => ({
      onEnd: () => onMessages([{ data: Buffer.alloc(0), from: undefined, truncated: false }]),
    })),
    caught: /the end of the peer comes after its last message|a peer that closes is the end of iteration/,
  },
  'gives an empty message as the end of the peer': {
    scheme: 'unixpacket',
    fault: datagramFault(({ onMessages, onEnd }) => ({
      onMessages: (batch) => {
        if (batch.some(({ data }) => data.length === 0)) onEnd()
        else onMessages(batch)
      },
    })),
    caught: /the end of the peer comes after its last message|an empty message is a message/,
  },
}
