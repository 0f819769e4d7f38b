/** A class that may be called without `new` as well, as Node's may. */
export function callable<C extends new (...args: never[]) => object>(Class: C): C {
  const made = new Proxy(Class, { apply: (target, _receiver, args) => Reflect.construct(target, args) })
  Object.defineProperty(Class.prototype, 'constructor', { value: made, configurable: true, writable: true })
  return made
}
