// One qemu process. Its ports are socket pairs that both ends inherit: they have no name on the disk to leave behind, and
// the guest sees this process end.
import { spawn } from 'node:child_process'

/**
 * @typedef {object} Machine
 * @property {import('node:child_process').ChildProcess} process
 * @property {import('node:net').Socket} control lines of words, both ways
 * @property {import('node:net').Socket} stdout
 * @property {import('node:net').Socket} stderr
 * @property {import('node:net').Socket} console what the kernel says
 * @property {import('node:net').Socket} terminal of a command that has one
 */

const ports = ['console', 'control', 'stdout', 'stderr', 'terminal']
const firstDescriptor = 3

/**
 * maxcpus: the kernel patches its running code while it boots, and in qemu another CPU at times runs what was there for the
 * moment ("Oops: int3"); `guest/init` starts the others. tsc=reliable: it is here, and the finding that it is not patches too.
 * notests: the kernel tries out each cipher at its first use, which takes seconds here.
 */
const kernelCommandLine = [
  'console=ttyS0',
  'quiet',
  'panic=1',
  'oops=panic',
  'maxcpus=1',
  'nowatchdog',
  'nokaslr',
  'mitigations=off',
  'tsc=reliable',
  'no_timer_check',
  'cryptomgr.notests',
].join(' ')

/** @param {{ image: string, initrd: string, cpus: number, memory: number }} wanted @returns {Machine} */
export function startMachine({ image, initrd, cpus, memory }) {
  const args = [
    '-nodefaults -no-user-config -no-reboot -display none -cpu max',
    // A /dev/kvm that exists need not work, and a guest that hangs in its BIOS says nothing.
    `-accel tcg,thread=multi -m ${memory} -smp ${cpus}`,
    ...ports.map((port, index) => `-chardev socket,id=${port},fd=${firstDescriptor + index}`),
    '-serial chardev:console -device virtio-serial-pci',
    '-device virtconsole,chardev=terminal',
    ...['control', 'stdout', 'stderr'].map((port) => `-device virtserialport,chardev=${port},name=${port}`),
    '-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap',
  ].flatMap((line) => line.split(' '))
  const files = ['-kernel', image, '-initrd', initrd, '-append', kernelCommandLine]
  const process = spawn('qemu-system-x86_64', [...args, ...files], {
    stdio: ['ignore', 'ignore', 'pipe', ...ports.map(() => /** @type {const} */ ('pipe'))],
  })
  const sockets = ports.map((port, index) => [port, process.stdio[firstDescriptor + index]])
  return { process, ...Object.fromEntries(sockets) }
}
