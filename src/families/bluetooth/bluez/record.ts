import { numberOfUuid } from '../uuid.ts'

const L2CAP = 0x0100
const RFCOMM = 0x0003
const PUBLIC_BROWSE_GROUP = 0x1002
/** Serial Port Profile 1.2, the version that devices expect beside it. */
const SPP = 0x1101
const SPP_VERSION = 0x0102

/**
 * The SDP record of an RFCOMM service in the words of bluetoothd, whose `ServiceRecord` option of RegisterProfile takes XML:
 * attributes by number (Bluetooth Assigned Numbers, 5.1), data elements as tags (src/sdp-xml.c of BlueZ).
 */
export function sdpRecord(uuid: string, name: string, channel: number): string {
  const protocols = sequence(sequence(uuidOf(L2CAP)), sequence(uuidOf(RFCOMM), `<uint8 value="${hex(channel, 2)}"/>`))
  const number = numberOfUuid(uuid)
  const attributes = [
    attribute(0x0001, sequence(number === undefined ? `<uuid value="${uuid}"/>` : uuidOf(number))),
    attribute(0x0004, protocols),
    attribute(0x0005, sequence(uuidOf(PUBLIC_BROWSE_GROUP))),
    ...(number === SPP
      ? [attribute(0x0009, sequence(sequence(uuidOf(SPP), `<uint16 value="${hex(SPP_VERSION, 4)}"/>`)))]
      : []),
    attribute(0x0100, `<text value="${escapeXml(name)}"/>`),
  ]
  return `<?xml version="1.0" encoding="UTF-8"?><record>${attributes.join('')}</record>`
}

function attribute(id: number, value: string): string {
  return `<attribute id="${hex(id, 4)}">${value}</attribute>`
}

function sequence(...elements: string[]): string {
  return `<sequence>${elements.join('')}</sequence>`
}

/** Of 16 bits where it fits. */
function uuidOf(number: number): string {
  return `<uuid value="${hex(number, number > 0xffff ? 8 : 4)}"/>`
}

function hex(number: number, digits: number): string {
  return `0x${number.toString(16).padStart(digits, '0')}`
}

/** For the value of an attribute in XML. */
export function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
