// The package under test, from the root of any built checkout.
import { pathToFileURL } from 'node:url'

const SOCK_STREAM = 1

/**
 * Its functions, for the built-in families and one more: Unix streams that close as rfcomm's do, once what was sent has left.
 *
 * @param {string} root
 */
export async function loadLibrary(root) {
  const load = (file) => import(pathToFileURL(`${root}/dist/${file}`).href)
  const { builtinFamilies, createSockets, kernelFamily, AbortError, SocketError } = await load('index.js')
  const { unixDefinition } = await load('families/unix.js')
  const parting = kernelFamily({
    ...unixDefinition,
    name: 'parting',
    schemes: { parting: { type: SOCK_STREAM, protocol: 0, closesOnceSent: true } },
    encode: (address) => unixDefinition.encode(asUnix(address)),
    format: (address) => unixDefinition.format(asUnix(address)).replace(/^unix:/, 'parting:'),
    decode: (bytes) => asParting(unixDefinition.decode(bytes, 'unix')),
    parse: (_scheme, rest) => asParting(unixDefinition.parse('unix', rest)),
    resolve: (address) => [address],
    aroundBind: undefined,
    adopted: undefined,
  })
  return { ...createSockets([...builtinFamilies, parting]), AbortError, SocketError }
}

/** Unix's own codec takes its own schemes only. */
function asUnix(address) {
  return { ...address, family: 'unix', scheme: 'unix' }
}

function asParting(address) {
  return address && { ...address, family: 'parting', scheme: 'parting' }
}

/** The names of those schemes that do not work here, with the reason. */
export function unavailableSchemes(library, schemes) {
  const known = new Map(library.families().flatMap(({ schemes: all }) => all.map((each) => [each.scheme, each])))
  return schemes.flatMap(({ name }) => {
    const { availability } = known.get(name)
    return availability.available ? [] : [{ name, why: `${availability.reason}; ${availability.remedy}` }]
  })
}
