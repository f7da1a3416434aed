/** What a page keeps for when there is no network. IndexedDB, since keys that can't be taken out live nowhere else. */

const NAME = 'unioncard'
const VERSION = 1

/** `devices`: a card's device with its key. `kept`: answers and key sets. `queue`: purchases a till has to send. */
export type Store = 'devices' | 'kept' | 'queue'

let opened: Promise<IDBDatabase> | undefined

function open(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((done, failed) => {
    const request = indexedDB.open(NAME, VERSION)
    request.onupgradeneeded = () => {
      request.result.createObjectStore('devices', { keyPath: 'card' })
      request.result.createObjectStore('kept')
      request.result.createObjectStore('queue', { keyPath: 'id' })
    }
    request.onsuccess = () => done(request.result)
    request.onerror = () => failed(request.error)
  }).catch((error) => {
    opened = undefined
    throw error
  })
  return opened
}

async function within<T>(
  store: Store,
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open()
  return new Promise((done, failed) => {
    const transaction = database.transaction(store, mode)
    const request = work(transaction.objectStore(store))
    transaction.oncomplete = () => done(request.result)
    transaction.onerror = () => failed(transaction.error)
    transaction.onabort = () => failed(transaction.error)
  })
}

export function readOne<T>(store: Store, key: string): Promise<T | undefined> {
  return within(store, 'readonly', (at) => at.get(key) as IDBRequest<T | undefined>)
}

export function readAll<T>(store: Store): Promise<T[]> {
  return within(store, 'readonly', (at) => at.getAll() as IDBRequest<T[]>)
}

/** `key` for `kept` alone: the others know their keys. */
export async function write(store: Store, value: unknown, key?: string): Promise<void> {
  await within(store, 'readwrite', (at) => at.put(value, key))
}

/**
 * Changes what is kept under a key, if anything is: in one transaction, so that two who know different things write both,
 * and what was removed meanwhile stays away.
 */
export async function change<T>(store: Store, key: string, amend: (kept: T) => T): Promise<void> {
  await within(store, 'readwrite', (at) => {
    const getting = at.get(key) as IDBRequest<T | undefined>
    getting.addEventListener('success', () => {
      if (getting.result !== undefined) at.put(amend(getting.result))
    })
    return getting
  })
}

export async function remove(store: Store, key: string): Promise<void> {
  await within(store, 'readwrite', (at) => at.delete(key))
}

export async function clear(store: Store): Promise<void> {
  await within(store, 'readwrite', (at) => at.clear())
}
