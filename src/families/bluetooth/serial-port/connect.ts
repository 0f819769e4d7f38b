import { invalidAddress } from '../../../core/address.ts'
import { explained, type SocketError, unsupported } from '../../../core/errors.ts'
import type { OpenRequest } from '../../../core/options.ts'
import { performance } from '../../../core/timers.ts'
import { pause } from '../../../engine/pause.ts'
import type { RfcommAddress } from '../address.ts'
import { ANY } from '../bdaddr.ts'
import { step } from '../driver/step.ts'
import { checkRfcomm, formatRfcomm } from '../rfcomm.ts'
import { parseService } from '../uuid.ts'
import { loadSerialPort, type SerialPort } from './module.ts'
import { readSerialPortOptions } from './options.ts'
import { SerialPortStream } from './stream.ts'
import { takeThread } from './threads.ts'
import { writes } from './writes.ts'

type Signal = AbortSignal | undefined

/** Twice what the system allows itself: an answer that is not there by then does not come. */
const ANSWER_LIMIT = 60_000

/** What every refusal is, since the driver does not tell why. */
const REFUSED = 'EHOSTUNREACH'

/** Milliseconds in which a refusal may be the end of the last connection to the channel, and pass. */
const REFUSED_LIMIT = 1000
const RETRY_DELAY = 100

const SERIAL_PORT = parseService('spp')

/** Connects. A connect that was given up goes on inside of the driver, and what it brings is closed. */
export async function openSerialPort(
  address: RfcommAddress,
  request: OpenRequest<RfcommAddress>,
): Promise<SerialPortStream> {
  const given = readSerialPortOptions(request)
  const { bdaddr, channel, service } = checkRfcomm(address)
  const text = formatRfcomm(address)
  if (bdaddr === ANY) throw invalidAddress(text, 'any is no device to connect to')
  if (channel === 0) throw invalidAddress(text, 'channel 0 is for listening; a device has 1 to 30')
  if (service !== undefined && service !== SERIAL_PORT) {
    throw unsupported(text, 'the driver serial-port finds the channel of spp only; give the channel')
  }
  const { signal } = request
  signal?.throwIfAborted()
  const { BluetoothSerialPort } = given ?? (await loadSerialPort())
  let port = new BluetoothSerialPort()
  const number = channel ?? (await findChannel(port, bdaddr, signal, text))
  const remote: RfcommAddress = { family: 'bluetooth', scheme: 'rfcomm', bdaddr, channel: number }
  const started = performance.now()
  for (;;) {
    try {
      return await connect(port, remote, signal, formatRfcomm(remote))
    } catch (error) {
      const isRefusal = (error as SocketError).code === REFUSED
      if (!isRefusal || performance.now() - started > REFUSED_LIMIT) throw error
      await pause(RETRY_DELAY, signal)
      port = new BluetoothSerialPort()
    }
  }
}

/** SDP, in a thread of the pool; it cannot be given up, and holds the thread until it is over. */
function findChannel(port: SerialPort, device: string, signal: Signal, text: string): Promise<number> {
  signal?.throwIfAborted()
  const release = takeThread(text)
  return step<number>({
    signal,
    limit: ANSWER_LIMIT,
    expired: () => explained('ETIMEDOUT', 'connect', text, 'the device did not say its channel'),
    begin: (resolve, reject) => {
      const fail = (why: string, cause?: unknown): void => {
        release()
        reject(explained('ENOTFOUND', 'connect', text, why, cause))
      }
      try {
        port.findSerialPortChannel(
          device,
          (channel) => {
            release()
            resolve(channel)
          },
          () => fail('the device cannot be reached, or offers no serial port'),
        )
      } catch (error) {
        fail(`the driver cannot ask for its channel: ${(error as Error).message}`, error)
      }
      return () => undefined
    },
  })
}

async function connect(
  port: SerialPort,
  remote: RfcommAddress,
  signal: Signal,
  text: string,
): Promise<SerialPortStream> {
  const { bdaddr, channel } = remote as { bdaddr: string; channel: number }
  const release = takeThread(text)
  const end = await writes.take(signal).catch((error) => {
    release()
    throw error
  })
  return step<SerialPortStream>({
    signal,
    limit: ANSWER_LIMIT,
    expired: () => explained('ETIMEDOUT', 'connect', text, 'the driver did not answer'),
    begin: (resolve, reject) => {
      let isGivenUp = false
      const onConnected = (): void => {
        if (!isGivenUp) {
          resolve(new SerialPortStream(port, remote, text, release))
          return
        }
        port.close()
        release()
      }
      const onFailed = (error?: unknown): void => {
        release()
        reject(refusal(text, error))
      }
      try {
        // What it does to the queue of writes is done when it returns.
        port.connect(bdaddr, channel, onConnected, onFailed)
      } catch (error) {
        onFailed(error)
      } finally {
        end()
      }
      return () => {
        isGivenUp = true
      }
    },
  })
}

function refusal(text: string, error: unknown): Error {
  const said = error instanceof Error ? error.message : 'no reason'
  const why = `the driver says only "${said}": no such device, nobody on the channel, the channel busy, or no adapter`
  return explained(REFUSED, 'connect', text, why, error)
}
